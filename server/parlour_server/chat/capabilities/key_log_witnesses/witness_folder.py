"""A witness: reads every new entry of a key log, and signs a head only if it extends the last one it signed.

The folder has its key, the newest head that it signed, and what it needs to go on from there. That is on the
disk before a signature leaves. It never signs two heads of which neither extends the other; a log that was
taken back stays refused, also after the server's backup was restored.
"""

import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

import msgspec

from parlour_protocol.delivery import CosignedHead, KeyLogPage
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.identity import Head
from parlour_protocol.identity.cosignatures import Cosignature, WitnessKey, log_line, to_be_cosigned
from parlour_protocol.identity.key_log_check import Found, KeyLogCheck
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import NO_ENTRIES, Tree
from parlour_protocol.kit.names import UserName
from parlour_server.core.errors import ParlourServerError, SetupError
from parlour_server.core.private_file import private_file, write_private
from parlour_server.core.signatures import SigningKey, holds, make_signing_key

_KEY: Final = "witness.key"
_STATE: Final = "witness.json"
_LOCK: Final = "witness.lock"
_PUBLIC: Final = "public"
_READABLE: Final = 0o644
_ENTERED: Final = 0o755
_MOST: Final = 1_000_000
"""Entries that are read in one go, some 200 MB of them: a hostile server must not keep a witness for ever."""

Read = Callable[[int], Awaitable[KeyLogPage]]
"""Reads a page of the log, after this entry."""


class ContradictionError(ParlourServerError):
    """The log does not extend what this witness has signed, or is not the one that it follows."""


class UnreachableError(ParlourServerError):
    """The server can't be asked, or does not answer as one."""


class _State(msgspec.Struct):
    """What a witness must not forget."""

    name: str
    """The witness's own."""
    server: str
    url: str
    ca: str = ""
    """The file of the CA that the server's certificate is by; empty: those of the system."""
    log_key: bytes = b""
    """The key of the log at first contact."""
    size: int = 0
    subtrees: tuple[bytes, ...] = ()
    accounts: dict[UserName, bytes] = msgspec.field(default_factory=dict)
    newest: int = 0
    grown: int = 0
    """When the log last grew, by this machine's clock."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a witness has just signed."""

    head: CosignedHead
    grown: Millis
    """When the log last grew."""
    entries: int = 0
    """How many entries are new."""
    found: Sequence[Found] = field(default=())
    """What is wrong with them."""


class Witness:
    """One witness of one log, in its folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder. Raises SetupError."""
        self._folder = folder
        try:
            data = (folder / _STATE).read_bytes()
            self._state = msgspec.json.decode(data, type=_State, dec_hook=decode_field)
        except (OSError, msgspec.MsgspecError) as error:
            raise SetupError(f"{folder} has no witness that can be read; `witness init` makes one") from error
        self._key = SigningKey.load(folder / _KEY)
        self.key: Final = WitnessKey(self._state.name, self._key.public)

    @classmethod
    def make(cls, folder: Path, *, name: str, server: str, url: str, ca: str) -> "Witness":
        """Make a folder with a key, for the log of ``server``. Raises SetupError for one that is in use."""
        if (folder / _STATE).exists():
            raise SetupError(f"{folder} has a witness already; a witness of another log needs its own folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_signing_key(folder / _KEY)
        state = _State(name=name, server=server, url=url, ca=ca)
        write_private(folder / _STATE, msgspec.json.encode(state, enc_hook=str))
        return cls(folder)

    @property
    def server(self) -> str:
        """The name of the server whose log it follows."""
        return self._state.server

    @property
    def url(self) -> str:
        """Where the server is asked."""
        return self._state.url

    @property
    def ca(self) -> str:
        """The file of the CA that the server's certificate is by; empty: those of the system."""
        return self._state.ca

    @property
    def size(self) -> int:
        """How many entries the head has that it signed last."""
        return self._state.size

    def sign(self, message: bytes) -> bytes:
        """Sign what is no head: a request to read."""
        return self._key.sign(message)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second process from signing. Raises SetupError if there is one."""
        with (self._folder / _LOCK).open("ab") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except OSError as error:
                raise SetupError(f"another process is running the witness of {self._folder}") from error
            yield

    async def follow(self, read: Read, now: Millis) -> Cosigned:
        """Read what is new, and sign the head. Raises ContradictionError, and what ``read`` raises."""
        page = await read(self._state.size)
        check, found = await self._checked(page, read)
        if check.tree.size > self._state.size or not self._state.log_key:
            self._remember(page, check, now)
        at = now // 1000
        head = Head.of(check.tree)
        checkpoint = head.to_be_signed(self.server)
        line = self.key.line(Cosignature(at, self._key.sign(to_be_cosigned(checkpoint, at))))
        self._publish(page, checkpoint, line)
        cosigned = CosignedHead(head.size, Digest(head.root), line)
        return Cosigned(cosigned, Millis(self._state.grown), len(found), tuple(self._flat(found)))

    @staticmethod
    def _flat(found: Iterable[Sequence[Found]]) -> Iterator[Found]:
        return (one for entry in found for one in entry)

    async def _checked(self, page: KeyLogPage, read: Read) -> tuple[KeyLogCheck, list[Sequence[Found]]]:
        """Read the entries up to the signed head, which has to extend ours."""
        state, signed = self._state, Head(page.size, bytes(page.head))
        if page.server != state.server:
            raise ContradictionError(f"the server calls itself {page.server!r}, not {state.server}")
        if not holds(bytes(page.key), signed.to_be_signed(state.server), bytes(page.signature)):
            raise ContradictionError("the server's signature of its head does not hold")
        if state.log_key not in {b"", bytes(page.key)}:
            raise ContradictionError("the server signs its key log with another key than before")
        if signed.size < state.size:
            raise self._contradiction(
                page, f"the log was rolled back: it has {signed.size} entries, and had {state.size}"
            )
        if signed.size - state.size > _MOST:
            raise ContradictionError("the log is longer than any honest one")
        check = KeyLogCheck(
            state.server, holds, Tree(state.size, state.subtrees), dict(state.accounts), state.newest
        )
        found: list[Sequence[Found]] = []
        entries: Sequence[bytes] = page.entries
        while check.tree.size < signed.size:
            if not entries:
                raise ContradictionError("the server holds back entries of the log that it signed")
            found += [check.read(entry) for entry in entries[: signed.size - check.tree.size]]
            if check.tree.size < signed.size:
                entries = (await read(check.tree.size)).entries
        if Head.of(check.tree) != signed:
            raise self._contradiction(
                page, f"the log was forked: its head does not extend the {state.size} entries signed before"
            )
        return check, found

    def _contradiction(self, page: KeyLogPage, words: str) -> ContradictionError:
        """Keep the server's signature of a head that can't follow ours: it is the evidence."""
        head = Head(page.size, bytes(page.head))
        checkpoint = head.to_be_signed(self.server)
        note = _note(checkpoint, log_line(_origin(self.server), bytes(page.key), bytes(page.signature)))
        kept = self._folder / f"contradiction-{page.size}-{head.root.hex()[:16]}.note"
        write_private(kept, note)
        return ContradictionError(f"{words}; the head that the server signed is in {kept}")

    def _remember(self, page: KeyLogPage, check: KeyLogCheck, now: Millis) -> None:
        """Write what the next head has to extend, before this one is signed: it survives a power cut."""
        if check.tree.size > self._state.size or not self._state.grown:
            self._state.grown = now
        self._state.log_key = bytes(page.key)
        self._state.size, self._state.subtrees = check.tree.size, check.tree.subtrees
        self._state.accounts, self._state.newest = check.accounts, check.newest
        write_private(self._folder / _STATE, msgspec.json.encode(self._state, enc_hook=str))
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _publish(self, page: KeyLogPage, checkpoint: bytes, line: str) -> None:
        """Write the cosigned head for any web server: at the path of tlog-witness."""
        origin = _origin(self.server)
        own = log_line(origin, bytes(page.key), bytes(page.signature))
        public = self._folder / _PUBLIC
        place = public / hashlib.sha256(origin.encode()).hexdigest()
        for folder in (public, place):
            folder.mkdir(exist_ok=True)
            folder.chmod(_ENTERED)
        with private_file(place / "checkpoint") as out:
            out.write(_note(checkpoint, own, line))
            os.fchmod(out.fileno(), _READABLE)


def _origin(server: str) -> str:
    checkpoint = Head(0, NO_ENTRIES).to_be_signed(server)
    return checkpoint.partition(b"\n")[0].decode()


def _note(text: bytes, *lines: str) -> bytes:
    """Return a signed note."""
    return text + b"\n" + "".join(f"{line}\n" for line in lines).encode()
