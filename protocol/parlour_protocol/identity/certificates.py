"""An account key's statements about devices: a certificate makes one valid, a revocation ends it permanently.

A statement is sent and stored as the exact signed bytes (MessagePack of a fixed list, then the signature), so
that it has only one interpretation. Decoding checks only the form; ``read`` verifies.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Self

import msgspec
from msgspec import Meta

from parlour_protocol.identity.device_id import device_id_of
from parlour_protocol.identity.errors import StatementError
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import DeviceName, UserName

Verify = Callable[[bytes, bytes, bytes], bool]
"""``verify(public_key, message, signature)``: whether the Ed25519 signature holds (RFC 8032)."""

Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Server = Annotated[str, Meta(min_length=1, max_length=255)]

_SIGNATURE: Final = 64


class Statement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A statement by an account key about a device."""

    label: ClassVar[bytes]

    user: UserName
    server: Server
    account_key: Key
    device_key: Key

    @property
    def device(self) -> DeviceId:
        """The device that it is about."""
        return device_id_of(self.user, self.server, self.device_key)

    def encode(self) -> bytes:
        """Return the bytes of the statement without its signature."""
        return msgspec.msgpack.encode(self, enc_hook=plain_text)

    def to_be_signed(self) -> bytes:
        """Return the bytes that the account key signs, with a label of its own for each kind of statement."""
        return self.label + self.encode()

    def signed(self, signature: bytes) -> bytes:
        """Return the statement with its signature."""
        return self.encode() + signature

    @classmethod
    def read(cls, data: bytes, verify: Verify) -> Self:
        """Read a statement and verify its signature. Raises StatementError."""
        body, signature = data[:-_SIGNATURE], data[-_SIGNATURE:]
        try:
            statement = msgspec.msgpack.decode(body, type=cls, dec_hook=_field)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise StatementError("this is not a statement about a device") from error
        # Otherwise one statement would have two encodings.
        if statement.encode() != body:
            raise StatementError("the statement about a device is not in its canonical form")
        if not verify(statement.account_key, cls.label + body, signature):
            raise StatementError("the signature of the statement about a device is not valid")
        return statement


class Certificate(Statement, frozen=True, array_like=True):
    """The device belongs to the account, from ``created`` until ``expires`` (milliseconds since 1970)."""

    label: ClassVar[bytes] = b"parlour device certificate v1\0"

    name: DeviceName
    created: MillisField
    expires: MillisField


class Revocation(Statement, frozen=True, array_like=True):
    """The device no longer belongs to the account, permanently."""

    label: ClassVar[bytes] = b"parlour device revocation v1\0"

    at: MillisField


def _field(kind: type, value: object) -> object:
    return decode_field(kind, value)


def plain_text(value: Any) -> object:
    """Give a checked name to msgspec's encoder (its ``enc_hook``)."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(type(value).__name__)
