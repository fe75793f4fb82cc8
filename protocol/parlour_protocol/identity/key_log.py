"""The key log: every account key, certificate and revocation of a server, in one Merkle tree.

Append-only: the head after n entries commits to all of them, so two people who saw different entries have
different heads, and exchange them in their encrypted messages. A server can still withhold the newest
entries, but it cannot show two histories for long.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from parlour_protocol.identity.certificates import Key, plain_text
from parlour_protocol.identity.errors import StatementError
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import UserName


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


class PolicyEntry(msgspec.Struct, frozen=True, array_like=True, tag="policy", forbid_unknown_fields=True):
    """The policy by which clients inspect in encrypted rooms from now on; the newest one counts.

    ``policy`` is an ``InspectionPolicy`` of `kit/inspect/policy.py`.
    """

    at: MillisField
    policy: bytes


POLICY_PREFIX: Final = b"\x93\xa6policy"
"""How the bytes of a ``PolicyEntry`` begin."""
NO_POLICY: Final = msgspec.msgpack.encode(((), (), (), 0, 0))
"""The policy that asks for nothing: it ends the one before it."""

Entry = AccountEntry | DeviceEntry | RevocationEntry | PolicyEntry


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
    """The head of a server's key log: its ``size`` entries and the ``root`` of their tree."""

    size: int
    root: bytes

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """Return the head of a log with this tree."""
        return cls(tree.size, tree.root)

    def to_be_signed(self, server: str) -> bytes:
        """Return the checkpoint that the log's key signs: the text of a signed note, as C2SP defines both."""
        return f"{server}/key-log\n{self.size}\n{b64encode(self.root).decode()}\n".encode()
