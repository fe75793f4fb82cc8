"""The entries of the key log, parsed and verified: pure, so that thousands are read off the event loop.

An entry with an invalid signature is *void*: it stays in the chain and has no effect. It does not make the
log false, since someone other than the server may have written it; no key is ever taken from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parlour_client.core.e2ee.identity.signing import verify
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    DeviceEntry,
    Head,
    Revocation,
    RevocationEntry,
    StatementError,
)
from parlour_protocol.identity.key_log import decode_entry

EntryContent = AccountEntry | Certificate | Revocation


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. ``head`` is the log's after it; ``certificate`` the bytes when it is one."""

    data: bytes
    head: Head
    content: EntryContent | None
    certificate: bytes = b""


def read_entries(server: str, start: Head, entries: Sequence[bytes]) -> list[LogEntry]:
    """Parse entries that follow ``start``."""
    made, head = [], start
    for data in entries:
        head = head.after(data)
        content, certificate = _read(server, data)
        made.append(LogEntry(bytes(data), head, content, certificate))
    return made


def _read(server: str, data: bytes) -> tuple[EntryContent | None, bytes]:
    try:
        match decode_entry(data):
            case AccountEntry() as entry:
                return entry, b""
            case DeviceEntry(certificate=statement):
                return _for(server, Certificate.read(statement, verify)), statement
            case RevocationEntry(revocation=statement):
                return _for(server, Revocation.read(statement, verify)), b""
    except StatementError:
        return None, b""


def _for(server: str, statement: EntryContent) -> EntryContent | None:
    # The same person may use the same account key elsewhere: a signature for another server is worthless
    # here.
    if isinstance(statement, AccountEntry) or statement.server == server:
        return statement
    return None
