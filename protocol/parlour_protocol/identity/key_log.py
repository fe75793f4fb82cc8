"""The key log: every account key, certificate and revocation of a server, in one hash chain.

Append-only: the head after n entries commits to all of them, so two people who saw different entries have
different heads, and exchange them in their encrypted messages. A server can still withhold the newest
entries, but it cannot show two histories for long.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec

from parlour_protocol.identity.certificates import Key, plain_text
from parlour_protocol.identity.errors import StatementError
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.names import UserName

_START: Final = b"parlour key log v1\0"
_HEAD: Final = b"parlour key log head v1\0"


class AccountEntry(msgspec.Struct, frozen=True, array_like=True, tag="account", forbid_unknown_fields=True):
    """The account has this key from now on; certificates by an earlier one are void."""

    at: MillisField
    user: UserName
    account_key: Key


class DeviceEntry(msgspec.Struct, frozen=True, array_like=True, tag="device", forbid_unknown_fields=True):
    """A device was certified."""

    at: MillisField
    certificate: bytes


class RevocationEntry(
    msgspec.Struct, frozen=True, array_like=True, tag="revocation", forbid_unknown_fields=True
):
    """A device was revoked."""

    at: MillisField
    revocation: bytes


Entry = AccountEntry | DeviceEntry | RevocationEntry


def encode_entry(entry: Entry) -> bytes:
    """Return an entry's bytes, as they are hashed and sent."""
    return msgspec.msgpack.encode(entry, enc_hook=plain_text)


def decode_entry(data: bytes) -> Entry:
    """Read an entry, without verifying its statement. Raises StatementError."""
    try:
        entry: Entry = msgspec.msgpack.decode(data, type=Entry, dec_hook=decode_field)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise StatementError("this is not an entry of a key log") from error
    if encode_entry(entry) != data:
        raise StatementError("the entry of the key log is not in its canonical form")
    return entry


@dataclass(frozen=True, slots=True)
class Head:
    """The log after ``size`` entries; ``digest`` (32 bytes) commits to each of them, in order."""

    size: int
    digest: bytes

    @classmethod
    def empty(cls, server: str) -> "Head":
        """Return the head of a log without entries."""
        return cls(0, hashlib.sha256(_START + server.encode()).digest())

    def after(self, entry: bytes) -> "Head":
        """Return the head with one more entry."""
        return Head(self.size + 1, hashlib.sha256(b"\1" + self.digest + entry).digest())

    def to_be_signed(self, server: str) -> bytes:
        """Return the bytes that the server's log key signs."""
        return _HEAD + server.encode() + b"\0" + self.size.to_bytes(8, "big") + self.digest
