"""Our copy of the key log: fetched, verified, extended, and compared with what other people saw.

It never reverts: a log that is shorter or different is refused and raises a permanent alarm, and so does a
head that another person saw differently. An entry with an invalid signature is *void*: it stays in the log
and has no effect. It does not make the log false, since someone other than the server may have written it; no
key is ever taken from it.
"""

import asyncio
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import apsw

from parlour_client.core.archive import Archive, alarms, key_log_copy, key_pins, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee import inspection
from parlour_client.core.e2ee.errors import KeyLogError, OtherServerError
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.keys import verify
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.delivery import KeyLogPage
from parlour_protocol.encrypted import KeyLogSeen
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    DeviceEntry,
    Head,
    PolicyEntry,
    Revocation,
    RevocationEntry,
    StatementError,
)
from parlour_protocol.identity.key_log import POLICY_PREFIX, decode_entry
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import UserName

EntryContent = AccountEntry | Certificate | Revocation


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. ``tree`` is the log's with it; ``certificate`` the bytes when it is one."""

    data: bytes
    tree: Tree
    content: EntryContent | None
    certificate: bytes = b""
    policy: InspectionPolicy | None = None


def read_entries(server: str, start: Tree, entries: Sequence[bytes]) -> list[LogEntry]:
    """Parse entries that follow ``start``."""
    made, tree = [], start
    for data in entries:
        tree = tree.after(data)
        content, certificate = _read(server, data)
        made.append(LogEntry(bytes(data), tree, content, certificate, _read_policy(data)))
    return made


def _read_policy(data: bytes) -> InspectionPolicy | None:
    """Return the policy for inspection in an entry; no signature of its own: the log's head is signed."""
    if not data.startswith(POLICY_PREFIX):
        return None
    try:
        entry = decode_entry(data)
        return InspectionPolicy.read(entry.policy) if isinstance(entry, PolicyEntry) else None
    except (StatementError, PolicyError):
        return None


def _read(server: str, data: bytes) -> tuple[EntryContent | None, bytes]:
    try:
        match decode_entry(data):
            case AccountEntry() as entry:
                return entry, b""
            case DeviceEntry(certificate=statement):
                return _for(server, Certificate.read(statement, verify)), statement
            case RevocationEntry(revocation=statement):
                return _for(server, Revocation.read(statement, verify)), b""
            case PolicyEntry():
                return None, b""
    except StatementError:
        return None, b""


def _for(server: str, statement: EntryContent) -> EntryContent | None:
    # The same person may use the same account key elsewhere: a signature for another server is worthless
    # here.
    if isinstance(statement, AccountEntry) or statement.server == server:
        return statement
    return None


MAX_GROWTH: Final = 200_000
"""Entries processed at once, some 60 MB: a hostile server must not fill the memory."""

_FIRST_BACK: Final = 64
"""Entries that are read again at first if a restored server shows other ones than before."""
_TWO_STORIES: Final = N_("The server showed different key logs to two programs that use this home folder.")

Watch = Callable[[apsw.Connection, LogEntry, Millis], None]
"""Checks each new entry for changes of our own account."""


class Comparison(Enum):
    """The result of comparing a head that someone says they saw."""

    AGREES = auto()
    DIFFERS = auto()
    """An alarm was raised."""
    BEHIND = auto()
    """Our copy is shorter: fetch the log; the comparison follows by itself."""


def server_of(connection: apsw.Connection) -> str:
    """Return the server's pinned name; empty before the first contact."""
    return (own_keys.get(connection, Name.SERVER) or b"").decode()


def seen(connection: apsw.Connection) -> KeyLogSeen | None:
    """Return the state of the log that our messages name; None before the first contact."""
    if not server_of(connection):
        return None
    head = key_log_copy.head(connection)
    return KeyLogSeen(size=head.size, root=Digest(head.root))


def compare(connection: apsw.Connection, user: UserName, theirs: KeyLogSeen, now: Millis) -> Comparison:
    """Compare the state that a message names with our copy."""
    head = Head(theirs.size, bytes(theirs.root))
    known = key_log_copy.knows(connection, head)
    if known is None:
        key_log_copy.note_reported_head(connection, user, head)
        return Comparison.BEHIND
    if known:
        return Comparison.AGREES
    _split(connection, user, head.size, now)
    return Comparison.DIFFERS


def compare_all(
    connection: apsw.Connection, states: Iterable[tuple[UserName, KeyLogSeen]], now: Millis
) -> set[Comparison]:
    """Compare the states that a run of messages name; the same state of someone is compared once."""
    return {compare(connection, user, theirs, now) for user, theirs in dict.fromkeys(states)}


def _split(connection: apsw.Connection, user: UserName, size: int, now: Millis) -> None:
    detail = _(
        "The server shows different keys to different people: {user} saw another key log of "
        "{size} entries than this device did. Either the server lies to one of you, or {user}'s "
        "device does. Compare safety numbers with them in person before you trust a new key."
    ).format(user=user, size=size)
    alarms.sound(connection, alarms.Kind.SPLIT_VIEW, user, now, detail)


@dataclass(frozen=True, slots=True)
class _Start:
    """The state before a fetch; the result is judged by it, even if another program extends the copy."""

    server: str
    log_key: bytes
    tree: Tree
    restored: bool = False
    """The server's logs are of another incarnation, and its key log was not read since."""


def _start(connection: apsw.Connection) -> _Start | None:
    server, log_key = server_of(connection), own_keys.get(connection, Name.LOG_KEY)
    restored = own_keys.get(connection, Name.LOG_RESTORED) is not None
    return _Start(server, log_key, key_log_copy.tree(connection), restored) if server and log_key else None


class KeyLog:
    """The copy of one server's log."""

    def __init__(self, archive: Archive, directory: DeliveryClient, clock: Clock, watch: Watch) -> None:
        """Keep the copy in ``archive``; ``watch`` is called with each new entry."""
        self._archive = archive
        self._directory = directory
        self._clock = clock
        self._watch = watch
        self._lock = asyncio.Lock()
        self.undecided = False
        """The server did not say yet whether it was restored: what contradicts us is no alarm before."""

    async def sync(self) -> bool:
        """Fetch new entries; says whether there were any. Raises KeyLogError, OtherServerError."""
        async with self._lock:
            waiting = await self._archive.write(lambda c: list(key_log_copy.reported_heads(c)))
            start = await self._archive.write(_start)
            page = await self._directory.key_log(start.tree.size if start else 0)
            if start is None:
                start = _Start(page.server, bytes(page.key), Tree())
            self._check_signed(start, page)
            if start.restored and (shared := await self._shared(start, page)) is not None:
                start = await self._archive.write_durably(self._lose, start, shared)
                page = await self._directory.key_log(shared)
                self._check_signed(start, page)
            await self._check(start, page)
            entries = await self._entries(start, page)
            await self._archive.write_durably(self._grow, page, entries)
            await self._archive.write(self._compare, waiting)
            return bool(entries)

    async def _shared(self, start: _Start, page: KeyLogPage) -> int | None:
        """Return up to where a restored server has our copy of the log; None: all of it.

        Raises KeyLogError if nothing leads from one to the other.
        """
        if bytes(page.key) != start.log_key:
            return None
        signed, back = Head(page.size, bytes(page.head)), _FIRST_BACK
        if page.size >= start.tree.size and await self._leads(start.tree, signed, page.entries) is not None:
            return None
        while True:
            after = max(0, min(page.size, start.tree.size) - back)
            held = await self._archive.read(key_log_copy.tree_at, after)
            trees = None if held is None else await self._leads(held, signed, ())
            if trees is not None:
                return await self._archive.read(_last_alike, trees)
            if not after:
                raise await self._contradiction(_("changed old entries of its key log"), start.tree.size)
            back *= 8

    async def _leads(self, start: Tree, signed: Head, first: Sequence[bytes]) -> Sequence[Tree] | None:
        """Return the trees up to the signed head; None: the entries lead to another one."""
        trees = [start]
        for entry in await self._fetched(start, signed.size, first):
            trees.append(trees[-1].after(entry))
        return trees if Head.of(trees[-1]) == signed else None

    async def _fetched(self, start: Tree, size: int, first: Sequence[bytes]) -> Sequence[bytes]:
        """Return the entries from ``start`` on until there are ``size``; ``first`` are here already."""
        missing, data = size - start.size, list(first)
        if missing > MAX_GROWTH:
            raise ServerMisbehavedError(_("The server's key log is longer than any honest one."))
        while len(data) < missing:
            more = (await self._directory.key_log(start.size + len(data))).entries
            if not more:
                raise ServerMisbehavedError(_("The server holds back entries of its key log."))
            data += more
        return data[:missing]

    def _lose(self, connection: apsw.Connection, start: _Start, shared: int) -> _Start:
        """Go back to what a restored server has; lost entries keep their effect and are reported."""
        count = key_log_copy.lose(connection, shared)
        lost = ngettext(
            "The server was restored or rolled back: its key log lacks 1 entry that is known here.",
            "The server was restored or rolled back: its key log lacks {count} entries that are known here.",
            count,
        ).format(count=count)
        kept = _(
            "Keys, devices and revocations that this device knows stay as they are, and your own are "
            "published again. If no one told you that the server was restored, ask its owner."
        )
        detail = f"{lost} {kept}"
        alarms.sound(connection, alarms.Kind.RESTORED, start.tree.root.hex(), self._clock.now(), detail)
        return _Start(start.server, start.log_key, key_log_copy.tree(connection))

    def _check_signed(self, start: _Start, page: KeyLogPage) -> None:
        """Refuse a page that is not this server's, or is not signed."""
        if page.server != start.server:
            raise OtherServerError(_("The server has another name than before."))
        signed = Head(page.size, bytes(page.head))
        if not verify(page.key, signed.to_be_signed(page.server), page.signature):
            raise ServerMisbehavedError(_("The signature of the server's key log does not hold."))

    async def _check(self, start: _Start, page: KeyLogPage) -> None:
        """Refuse a page that contradicts the server's earlier ones."""
        signed = Head(page.size, bytes(page.head))
        if bytes(page.key) != start.log_key:
            raise await self._contradiction(
                _("signs its key log with another key than before"), start.tree.size
            )
        if page.size < start.tree.size:
            raise await self._contradiction(_("took entries out of its key log"), start.tree.size)
        if page.size == start.tree.size and signed != Head.of(start.tree):
            raise await self._contradiction(_("changed old entries of its key log"), start.tree.size)

    async def _entries(self, start: _Start, page: KeyLogPage) -> Sequence[LogEntry]:
        """Fetch and parse the rest; all of it must lead to the signed head."""
        data = await self._fetched(start.tree, page.size, page.entries)
        entries = await asyncio.to_thread(read_entries, page.server, start.tree, data)
        if entries and Head.of(entries[-1].tree) != Head(page.size, bytes(page.head)):
            raise await self._contradiction(_("changed old entries of its key log"), start.tree.size)
        return entries

    def _grow(self, connection: apsw.Connection, page: KeyLogPage, entries: Sequence[LogEntry]) -> None:
        now = self._clock.now()
        if not server_of(connection):  # first contact: from now on it has this name and this key
            own_keys.put(connection, Name.SERVER, page.server.encode())
            own_keys.put(connection, Name.LOG_KEY, bytes(page.key))
        elif own_keys.get(connection, Name.LOG_KEY) != bytes(page.key):
            raise KeyLogError(_TWO_STORIES)
        grown = key_log_copy.tree(connection).size  # another program of this home may have been faster
        later = key_log_copy.offset(connection)
        own_keys.drop(connection, Name.LOG_RESTORED)
        for entry in entries:
            if entry.tree.size <= grown:
                if key_log_copy.tree_at(connection, entry.tree.size) != entry.tree:
                    raise KeyLogError(_TWO_STORIES)
            else:
                key_log_copy.add(connection, entry.tree, entry.data)
                _apply(connection, entry, entry.tree.size + later, now)
                if entry.policy is not None:
                    inspection.changed(connection, entry.policy, now)
                self._watch(connection, entry, now)
        if entries:
            own_keys.trust_changed(connection)

    def _compare(self, connection: apsw.Connection, waiting: Sequence[key_log_copy.ReportedHead]) -> None:
        """Compare what others saw; ``waiting``: reports from before the server was asked."""
        now = self._clock.now()
        for one in list(key_log_copy.reported_heads(connection)):
            known = key_log_copy.knows(connection, one.head)
            if known is None and one not in waiting:
                continue
            if known is None:  # it existed before we asked, and the server did not show it
                alarms.sound(connection, alarms.Kind.WITHHELD, one.user, now, _withheld(one))
            elif not known:
                _split(connection, one.user, one.head.size, now)
            key_log_copy.forget_reported_head(connection, one)

    async def _contradiction(self, deed: str, size: int) -> KeyLogError:
        """Raise the permanent alarm, and return the error."""
        if self.undecided:  # the greeting says whether it was restored; then this is checked again
            return KeyLogError(_("The server {deed}.").format(deed=deed))
        detail = _(
            "The server {deed}: this device has {size} entries that it showed before and denies now. "
            "Keys and devices that are new from today on are not trusted. Ask its owner whether a "
            "backup was restored."
        ).format(deed=deed, size=size)
        await self._archive.write_durably(
            alarms.sound, alarms.Kind.ROLLBACK, "key-log", self._clock.now(), detail
        )
        return KeyLogError(_("The server {deed}.").format(deed=deed))


def _withheld(one: key_log_copy.ReportedHead) -> str:
    return _(
        "The server hides keys: {user} saw a key log of {size} entries, and the server does not "
        "show them to this device. Either the server lies, or {user}'s device does."
    ).format(user=one.user, size=one.head.size)


def _last_alike(connection: apsw.Connection, trees: Sequence[Tree]) -> int:
    """Return the size of the last of these trees that the copy has, too; the first one is ours."""
    differ = bisect(trees, 0, key=lambda tree: key_log_copy.tree_at(connection, tree.size) != tree)
    return trees[differ - 1].size


def _apply(connection: apsw.Connection, entry: LogEntry, position: int, now: Millis) -> None:
    """Apply an entry. One that does not match the account's current key has no effect."""
    match entry.content:
        case AccountEntry(user=user, account_key=key) if _has_key(connection, user, key):
            pass  # published again after a restore
        case AccountEntry(at=at, user=user, account_key=key):
            first = key_log_copy.account(connection, user) is None
            key_log_copy.set_account(connection, user, key, at, position)
            pinned = key_pins.find(connection, user)
            if pinned is not None and pinned.account_key != key:
                if first:  # pinned before the server showed anything: by the invite link
                    pins.link_differs(connection, user, now)
                key_pins.changed(connection, user)  # even if a later entry reverts it: the person decides
        case Certificate() as made if _in_force(connection, made):
            key_log_copy.add_certificate(
                connection, entry.certificate, made.user, made.device, made.account_key, position
            )
        case Revocation() as made if _in_force(connection, made):
            key_log_copy.revoke(connection, made.device, entry.data)
        case _:
            pass


def _has_key(connection: apsw.Connection, user: UserName, key: bytes) -> bool:
    account = key_log_copy.account(connection, user)
    return account is not None and account.key == key


def _in_force(connection: apsw.Connection, made: Certificate | Revocation) -> bool:
    return _has_key(connection, made.user, made.account_key)
