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
    PolicyEntry,
    Revocation,
    RevocationEntry,
    StatementError,
)
from parlour_protocol.identity.key_log import POLICY_PREFIX, decode_entry
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError

EntryContent = AccountEntry | Certificate | Revocation


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. ``head`` is the log's after it; ``certificate`` the bytes when it is one."""

    data: bytes
    head: Head
    content: EntryContent | None
    certificate: bytes = b""
    policy: InspectionPolicy | None = None


def read_entries(server: str, start: Head, entries: Sequence[bytes]) -> list[LogEntry]:
    """Parse entries that follow ``start``."""
    made, head = [], start
    for data in entries:
        head = head.after(data)
        content, certificate = _read(server, data)
        made.append(LogEntry(bytes(data), head, content, certificate, _read_policy(data)))
    return made


def _read_policy(data: bytes) -> InspectionPolicy | None:
    """Return the policy for inspection in an entry; no signature of its own: the chain's head is signed."""
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
