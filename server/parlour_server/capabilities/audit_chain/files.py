"""Writes the audit records of one server to the files of its chain, in the data folder's `audit` folder.

A record is in the file at once, by one write, so that a server that is killed loses none; a head is signed
for many records together. Files are rotated and their number is bounded. A full disk does not stop the
server: it is logged, and once there is space a record says how many are missing. Nothing here raises.
"""

import fcntl
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from parlour_server.capabilities.audit_chain.chain import (
    GAP_EVENT,
    HEAD_EVENT,
    RECORDS_PER_HEAD,
    REMOVED_EVENT,
    TORN_EVENT,
    AuditHead,
    KnownHead,
    Place,
    Record,
    SignedHead,
    chain_record,
    file_name,
    head_fields,
    last_record,
    read_file_name,
    sign_head,
)
from parlour_server.core.output import format_line, utc_time, warn
from parlour_server.core.signatures import SigningKey

_TAIL_BYTES: Final = 256 * 1024
"""Of a file's end; the longest record is much shorter."""
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE: Final = 0o600


def place_of(folder: Path) -> Place:
    """Return where a folder is; inode 0 if it is not there."""
    path = folder.absolute()
    return Place(socket.gethostname(), str(path), path.stat().st_ino if path.exists() else 0)


def chain_files(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the files in an audit folder by chain and number, in order. Raises OSError."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        named = read_file_name(path.name)
        if named is not None:
            found.setdefault(named[0], {})[named[1]] = path
    return found


def last_head(chain: str, files: Mapping[int, Path]) -> AuditHead:
    """Return the head after the last record of a chain's files. Raises OSError."""
    for number in sorted(files, reverse=True):
        record, _ = last_record(_end_of(files[number]))
        if record is not None:
            return record.head
    return AuditHead.empty(chain)


class AuditFile:
    """The chain that this process appends to: the folder's, or a new one.

    A chain that another process appends to, that another folder continues (this is a copy), or whose end is
    missing is left as it is.
    """

    def __init__(
        self,
        folder: Path,
        key: SigningKey,
        known: Mapping[str, KnownHead],
        *,
        file_bytes: int,
        most_files: int,
    ) -> None:
        """``known``: the chains in the database."""
        self.chain = ""
        """Its name, once there is one."""
        self.signed: SignedHead | None = None
        """The newest head that was signed here."""
        self.lost = 0
        """Records that could not be written since the last one that was."""
        self._folder = folder
        self._key = key
        self._known = known
        self._file_bytes = file_bytes
        self._most_files = most_files
        self._why = ""
        """Why the last attempt failed; empty if it didn't."""
        self._lock = self._file = -1
        self._head = AuditHead.empty("")
        self._signed = 0  # the size of the chain at its last head
        self._size = 0
        self._number = self._oldest = 1
        self._unsynced: list[int] = []
        self._syncing = Lock()
        self._is_closed = False
        self._begin()

    @property
    def place(self) -> Place:
        """Where its files are. Raises OSError."""
        return place_of(self._folder)

    def is_writable(self) -> bool:
        """Return whether a record can be written; after a failure, try it with what is to be written anyway.

        That is how many records are missing, and a head.
        """
        return self._goes_on() and (not self._why or self._put_head())

    def append(self, line: str, *, or_lose: bool = True) -> bool:
        """Write a line of the log as the next record; returns whether it is one.

        Otherwise it counts as missing, unless the caller has it and tries again.
        """
        if self._is_closed:
            return False
        if not self._goes_on() or not self._put(line):
            self.lost += or_lose
            return False
        if self._head.size - self._signed >= RECORDS_PER_HEAD:
            self.sign()
        if self._size >= self._file_bytes:
            self._rotate()
        return True

    def sign(self) -> bool:
        """Sign the head and record that; False if a head covers all records, or it can't be written."""
        if self._file < 0 or self._head.size <= self._signed:
            return False
        signed = sign_head(self.chain, self._head, self._key, utc_time())
        if not self._put_event(HEAD_EVENT, **head_fields(signed)):
            return False
        self._signed = self._head.size
        self.signed = signed
        return True

    def sync(self) -> None:
        """Bring to the disk what was written; another thread may call it."""
        with self._syncing:
            waiting, self._unsynced = self._unsynced, []
            if self._file >= 0:
                waiting.append(os.dup(self._file))
            for file in waiting:
                with suppress(OSError):
                    os.fsync(file)
                os.close(file)

    def close(self) -> None:
        """Sign what is not signed yet, and write nothing more."""
        self.sign()
        self.sync()
        self._release()
        self._is_closed = True

    def _release(self) -> None:
        for file in (*self._unsynced, self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._unsynced, self._file, self._lock = [], -1, -1

    def _begin(self) -> bool:
        """Continue the folder's chain, or begin one; False if the folder can't be written."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for chain in self._candidates():
                if self._take(chain):
                    return True
        except OSError as error:
            self._release()
            self._warn(error.strerror or type(error).__name__)
        return False

    def _candidates(self) -> Iterator[str]:
        place = self.place
        for chain in reversed(chain_files(self._folder)):
            known = self._known.get(chain)
            if known is None or known.place.is_same_folder(place):
                yield chain
        yield secrets.token_hex(6)

    def _take(self, chain: str) -> bool:
        """Open a chain; False if another process has it, or its end is missing."""
        self._lock = os.open(self._folder / f"{chain}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            return False
        files = chain_files(self._folder).get(chain, {})
        self._number, self._oldest = max(files, default=1), min(files, default=1)
        record, torn = last_record(_end_of(files[self._number])) if files else (None, b"")
        head = last_head(chain, files)
        known = self._known.get(chain)
        if known is not None and known.signed.records > head.size:
            self._release()
            end = f"it ends after {head.size} records, and the database knows {known.signed.records}"
            warn("audit_log_cut", chain=chain, why=end, do="see `audit verify`; a new chain begins")
            return False
        self.chain, self._head = chain, head
        self._signed = head.size if record is not None and record.fields().get("event") == HEAD_EVENT else -1
        self._open(self._number)
        if torn:
            self._end_torn_line(torn)
        self.sign()
        return True

    def _open(self, number: int) -> None:
        self._file = os.open(self._folder / file_name(self.chain, number), _APPEND, _MODE)
        self._size = os.fstat(self._file).st_size
        self._number = number

    def _end_torn_line(self, torn: bytes) -> None:
        """Say that a crash left an unfinished line, on a line of its own.

        Lines that are whole and no records were changed: the check finds them.
        """
        if torn.endswith(b"\n") or not self._write(b"\n"):
            return
        line = torn[torn.rfind(b"\n") + 1 :]
        record = Record.read(line)
        if record is not None and self._head.after(record.entry) == record.head:
            self._head = record.head  # only the newline was missing
        else:
            self._put_event(TORN_EVENT, bytes=len(line), sha256=hashlib.sha256(line).hexdigest())

    def _rotate(self) -> None:
        """Continue in the next file, which begins with a signed head, and remove the oldest."""
        before = self._file
        try:
            self._open(self._number + 1)
        except OSError:
            return  # this file is used until there is space again
        self._unsynced.append(before)
        self._put_head()
        keep = self._number - self._most_files + 1
        if keep <= self._oldest or not self._put_event(REMOVED_EVENT, before=keep) or not self.sign():
            return
        with suppress(OSError):
            for number in range(self._oldest, keep):
                (self._folder / file_name(self.chain, number)).unlink(missing_ok=True)
            self._oldest = keep

    def _goes_on(self) -> bool:
        """Return whether there is a file, and a record in it says how many are missing, if any are."""
        if self._is_closed or (self._file < 0 and not self._begin()):
            return False
        return not self.lost or self._put_gap()

    def _put_head(self) -> bool:
        self._signed = -1
        return self.sign()

    def _put_gap(self) -> bool:
        if not self._put_event(GAP_EVENT, left_out=self.lost, why=self._why):
            return False
        self.lost = 0
        return True

    def _put_event(self, event: str, **fields: object) -> bool:
        return self._put(format_line({**fields, "event": event, "audit": True, "level": "info"}))

    def _put(self, line: str) -> bool:
        data, head = chain_record(line.encode(), self._head)
        if not self._write(b"%s\n" % data):
            return False
        self._head = head
        return True

    def _write(self, data: bytes) -> bool:
        """Write all of it, or leave the file as it was."""
        if self._file < 0:
            return False
        try:
            written = os.write(self._file, data)
        except OSError as error:
            self._warn(error.strerror or type(error).__name__)
            return False
        if written == len(data):
            self._size += written
            self._why = ""
            return True
        self._warn("there is no space left for a whole record")
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self._release()  # the next attempt opens it again, and says that a line is unfinished
        return False

    def _warn(self, why: str) -> None:
        if not self._why:  # once, until something can be written again
            consequence = "records are only in this log until it can be written"
            warn("audit_unwritable", folder=str(self._folder), why=why, consequence=consequence)
        self._why = why


def _end_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return opened.read()
