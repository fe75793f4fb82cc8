"""The audit log as a hash chain: how a record is chained, what a signed head says, how both are checked.

A record is the line of the log with two more members at its end: its number, and a digest of everything
before it and of itself. So a record that was changed, removed, inserted or moved is found where it is.
Someone who can write to the file can also calculate all later digests again; then the next signed head does
not match, nor any head that was kept elsewhere. Records after the last head can be cut off without a trace.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from parlour_protocol.kit.hash_chain import ChainHead
from parlour_server.core.signatures import SigningKey, holds

HEAD_EVENT: Final = "audit_head"
"""A record that signs the head before it."""
TORN_EVENT: Final = "audit_torn"
"""The record after a line that a crash left unfinished."""
GAP_EVENT: Final = "audit_gap"
"""The record after others that could not be written."""
RECORDS_PER_HEAD: Final = 1000
"""A head is signed at least after so many records."""
REMOVED_EVENT: Final = "audit_files_removed"
"""The record that says which old files are removed."""

_RECORD: Final = re.compile(rb'\{.+,"record":([1-9][0-9]{0,17}),"digest":"([0-9a-f]{64})"\}')
_DIGEST_BYTES: Final = len(',"digest":""}') + 64
_FILE: Final = re.compile(r"([a-z0-9]{8,32})-([0-9]{6})\.jsonl")


class AuditHead(ChainHead):
    """The head of one chain of audit records."""

    __slots__ = ()
    LOG = "audit log"


class SignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head that can be kept elsewhere, and compared with the log later. Bytes are hexadecimal."""

    chain: str
    records: int
    digest: str
    time: str
    key: str
    signature: str

    @property
    def head(self) -> AuditHead:
        """The head itself. Raises ValueError."""
        return AuditHead(self.records, bytes.fromhex(self.digest))

    def is_signed_by(self, keys: Iterable[str]) -> bool:
        """Return whether one of these keys signed it."""
        try:
            message = self.head.to_be_signed(self.chain)
            return self.key in keys and holds(bytes.fromhex(self.key), message, bytes.fromhex(self.signature))
        except (ValueError, OverflowError):
            return False


@dataclass(frozen=True, slots=True)
class Place:
    """An audit folder: `host:path#inode`. The inode tells a folder from a copy of it."""

    host: str
    path: str
    inode: int

    @classmethod
    def read(cls, text: str) -> "Place":
        """Read it as the database has it."""
        host, _, rest = text.partition(":")
        path, _, inode = rest.rpartition("#")
        return cls(host, path, int(inode) if inode.isdecimal() else 0)

    def __str__(self) -> str:
        """Return it as the database has it."""
        return f"{self.host}:{self.path}#{self.inode}"

    def is_same_folder(self, other: "Place") -> bool:
        """Return whether it is the folder itself; a container's host name may change."""
        return (self.path, self.inode) == (other.path, other.inode)


@dataclass(frozen=True, slots=True)
class KnownHead:
    """The newest head of a chain in the database, and where its files are."""

    signed: SignedHead
    place: Place


def sign_head(chain: str, head: AuditHead, key: SigningKey, time: str) -> SignedHead:
    """Sign the head of a chain."""
    signature = key.sign(head.to_be_signed(chain))
    return SignedHead(chain, head.size, head.digest.hex(), time, key.public.hex(), signature.hex())


def chain_record(line: bytes, head: AuditHead) -> tuple[bytes, AuditHead]:
    """Return a line of JSON as the record after ``head``, and the head after it."""
    entry = b'%s,"record":%d}' % (line[:-1], head.size + 1)
    after = head.after(entry)
    return b'%s,"digest":"%s"}' % (entry[:-1], after.digest.hex().encode()), after


def file_name(chain: str, number: int) -> str:
    """Return the name of a chain's file."""
    return f"{chain}-{number:06}.jsonl"


def read_file_name(name: str) -> tuple[str, int] | None:
    """Return the chain and the number of a file by its name."""
    found = _FILE.fullmatch(name)
    return (found[1], int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Record:
    """A line that has the form of a record."""

    number: int
    digest: bytes
    entry: bytes
    """The bytes that the digest covers, besides the head before."""

    @classmethod
    def read(cls, line: bytes) -> "Record | None":
        """Read a line; None if it is not a record."""
        found = _RECORD.fullmatch(line)
        if found is None:
            return None
        return cls(int(found[1]), bytes.fromhex(found[2].decode()), line[:-_DIGEST_BYTES] + b"}")

    @property
    def head(self) -> AuditHead:
        """The head after it, as the record itself says."""
        return AuditHead(self.number, self.digest)

    def fields(self) -> dict[str, Any]:
        """Return the event; empty for a damaged one."""
        try:
            found = msgspec.json.decode(self.entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return found if isinstance(found, dict) else {}


def last_record(data: bytes) -> tuple[Record | None, bytes]:
    """Return the last record of a file's end, and the bytes after it, which a crash left there."""
    start = len(data)
    rest = b""
    while start > 0:
        begin = data.rfind(b"\n", 0, start - 1) + 1
        line = data[begin:start]
        record = Record.read(line.removesuffix(b"\n"))
        if record is not None and line.endswith(b"\n"):
            return record, rest
        rest, start = line + rest, begin
    return None, rest


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the log, and where."""

    file: str
    line: int
    record: int
    """The number of the record that is affected first."""
    text: str

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.file}:{self.line}: record {self.record}: {self.text}"


@dataclass(slots=True)
class ChainCheck:
    """Reads the files of one chain in order and collects what is wrong with them."""

    chain: str
    keys: frozenset[str]
    """The public keys whose heads count, in hexadecimal."""
    pinned: dict[int, dict[str, str]] = field(default_factory=dict)
    """Heads that were kept elsewhere: by their number of records, digest and where it was kept."""
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    head: AuditHead | None = None
    """After the last record that was read."""
    signed: SignedHead | None = None
    """The last good signed head."""
    first: int = 0
    """The number of the first record that is there."""
    _recomputed: AuditHead | None = None
    """The head if the last record's own digest is wrong, and not the record."""
    _bad: list[tuple[int, bytes]] = field(default_factory=list)
    _is_unfinished: bool = False
    """The last line has no newline."""
    _removed: int = 1
    """The first file that was not removed, as a signed head confirms."""
    _removed_claim: int = 1
    _first_file: int = 0
    _next_file: int = 0
    _place: tuple[str, int] = ("", 0)

    def read(self, number: int, lines: Iterable[bytes]) -> None:
        """Read a file; the last line is empty if the file ends with a newline."""
        name = file_name(self.chain, number)
        if not self._next_file:
            self._next_file = number
            self._first_file = number
        if number > self._next_file:
            missing = ", ".join(file_name(self.chain, one) for one in range(self._next_file, number))
            self._report(name, 1, (self.head.size if self.head else 0) + 1, f"{missing} is missing before it")
        self._next_file = number + 1
        last = b""
        at = 0
        for at, line in enumerate(lines, 1):
            if at > 1:
                self._line(name, at - 1, last)
            last = line
        self._is_unfinished = bool(last)
        if last:
            self._bad.append((at, last))
        self._place = (name, at)

    def finish(self) -> None:
        """Compare with what was kept elsewhere, once all files were read."""
        name, at = self._place
        if self._is_unfinished:
            self._bad.pop()
            size = self.head.size if self.head else 0
            self.notes.append(
                f"{name}:{at}: an unfinished line after record {size}: from a crash, or it is being written"
            )
        self._end_bad(name, None)
        if self._next_file and self._first_file > self._removed:
            missing = file_name(self.chain, self._removed)
            here = file_name(self.chain, self._first_file)
            self._report(here, 1, self.first, f"{missing} is missing: the server did not remove it")
        size = self.head.size if self.head else 0
        if self.unsigned > RECORDS_PER_HEAD + 1:
            self._report(
                name,
                at,
                size - self.unsigned + 1,
                f"no signed head for {self.unsigned} records: heads were removed",
            )
        for records, digests in sorted(self.pinned.items()):
            where = " and ".join(sorted(set(digests.values())))
            if records > size:
                self._report(
                    name, at, size + 1, f"the log ends here, but {where} has a head after {records} records"
                )
            elif records < self.first - 1:
                self.notes.append(f"the head after {records} records ({where}) is older than the oldest file")

    @property
    def unsigned(self) -> int:
        """How many records no signed head covers."""
        return (self.head.size if self.head else 0) - (
            self.signed.records + 1 if self.signed else self.first - 1
        )

    def _line(self, name: str, at: int, line: bytes) -> None:
        record = Record.read(line)
        if record is None:
            self._bad.append((at, line))
            return
        if self.head is None:
            self._begin(name, at, record)
        elif record.number <= self.head.size:
            self._end_bad(name, None)
            self._report(
                name, at, record.number, f"stands after record {self.head.size}: moved here, or inserted"
            )
            return
        elif record.number > self.head.size + 1:
            self._skipped(name, at, record)
        else:
            self._follow(name, at, record)
        self._compare(name, at, record)

    def _begin(self, name: str, at: int, record: Record) -> None:
        """Start from the signed head at the start of the oldest file."""
        self._end_bad(name, None)
        self.first = record.number
        signed = _signed_head(record, self.chain)
        if signed is None or signed.records != record.number - 1:
            self._report(name, at, record.number, "the file does not begin with a signed head")
            self.head = record.head
            return
        self.head = signed.head
        if signed.records == 0 and signed.head != AuditHead.empty(self.chain):
            self._report(name, at, record.number, "this is not the beginning of this chain")
        self._follow(name, at, record)

    def _follow(self, name: str, at: int, record: Record) -> None:
        """Read the record that comes next."""
        assert self.head is not None  # noqa: S101 - for the type checker
        before = self.head
        expected = before.after(record.entry)
        if expected != record.head and self._recomputed is not None:
            again = self._recomputed.after(record.entry)
            if again == record.head:
                before, expected = self._recomputed, again
        is_good = expected == record.head
        fields = record.fields()
        self._end_bad(name, record if is_good and fields.get("event") == TORN_EVENT else None)
        if not is_good:
            self._report(name, at, record.number, "was changed: its digest does not match")
        elif fields.get("event") == HEAD_EVENT:
            self._check_signature(name, at, record, before)
        elif fields.get("event") == REMOVED_EVENT:
            self._removed_claim = max(self._removed_claim, _number(fields.get("before")))
        elif fields.get("event") == GAP_EVENT:
            self.notes.append(
                f"{name}:{at}: {fields.get('left_out')} records could not be written before record"
                f" {record.number} ({fields.get('why')})"
            )
        self.head = record.head
        self._recomputed = None if is_good else expected

    def _skipped(self, name: str, at: int, record: Record) -> None:
        """Read a record that is not the next one: those between were removed, moved or damaged."""
        assert self.head is not None  # noqa: S101 - for the type checker
        first, last = self.head.size + 1, record.number - 1
        if not self._end_bad(name, None):
            which = f"record {first} is" if first == last else f"records {first} to {last} are"
            self._report(name, at, first, f"{which} missing before this line")
        self.head, self._recomputed = record.head, None

    def _check_signature(self, name: str, at: int, record: Record, before: AuditHead) -> None:
        signed = _signed_head(record, self.chain)
        since = self.signed.records + 1 if self.signed else self.first
        if signed is None or signed.head != before:
            self._report(name, at, record.number, "is a head of something else")
        elif signed.key not in self.keys:
            self._report(
                name,
                at,
                record.number,
                f"is signed with another key, {signed.key}; --key {signed.key} accepts it",
            )
        elif not signed.is_signed_by(self.keys):
            self._report(
                name,
                at,
                since,
                f"the head at record {record.number} is not signed by the server: records from"
                " here on were written by someone else",
            )
        else:
            if record.number - since > RECORDS_PER_HEAD + 1:
                self._report(
                    name, at, since, f"no signed head for {record.number - since} records: some were removed"
                )
            self.signed = signed
            self._removed = self._removed_claim

    def _compare(self, name: str, at: int, record: Record) -> None:
        """Compare with heads that were kept elsewhere."""
        for digest, where in self.pinned.get(record.number, {}).items():
            if digest != record.digest.hex():
                self._report(
                    name,
                    at,
                    record.number,
                    f"{where} has another head after it: this record or one before it"
                    " was changed, and all digests since were calculated again",
                )

    def _end_bad(self, name: str, torn: Record | None) -> bool:
        """Report lines that are not records, unless ``torn`` says that a crash left one; returns if any."""
        bad, self._bad = self._bad, []
        if not bad:
            return False
        at, line = bad[0]
        after = self.head.size if self.head else 0
        is_known = torn is not None and torn.fields().get("sha256") == hashlib.sha256(line).hexdigest()
        if is_known and len(bad) == 1:
            self.notes.append(f"{name}:{at}: a crash left an unfinished line after record {after}")
            return True
        for where, _ in bad:
            self._report(name, where, after + 1, "this line was changed: it is not a record")
        return True

    def _report(self, file: str, line: int, record: int, text: str) -> None:
        self.faults.append(Fault(file, line, record, text))


def _signed_head(record: Record, chain: str) -> SignedHead | None:
    """Return the head that a record signs, if it is one of this chain."""
    fields = record.fields()
    names = ("records", "digest", "time", "key", "signature")
    try:
        signed = msgspec.convert(
            {"chain": chain, **{name: fields.get(f"head_{name}") for name in names}}, SignedHead
        )
        _ = signed.head
    except (msgspec.ValidationError, ValueError):
        return None
    return signed if fields.get("head_chain") == chain else None


def head_fields(signed: SignedHead) -> dict[str, str | int]:
    """Return a head as the fields of its record."""
    return {f"head_{name}": value for name, value in msgspec.structs.asdict(signed).items()}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 1
