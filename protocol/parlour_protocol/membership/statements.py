"""Devices' signed statements about membership: admissions, requests, removals, roles.

A statement is sent as the exact signed bytes, with the signer's certificate, so that anyone can check it
without a server. Reading one checks its form and signatures; the `Roster` decides whether its signer may make
it. The server cannot create statements.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from parlour_protocol.id_fields import RoomIdField
from parlour_protocol.identity import Certificate, StatementError, Verify
from parlour_protocol.identity.certificates import Key, Server, plain_text
from parlour_protocol.kit.fields import decode_field
from parlour_protocol.kit.id_fields import Count, MillisField
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import STATEMENT_BYTES
from parlour_protocol.rooms import Role

LABEL: Final = b"parlour room statement v1\0"
"""The label of the signed bytes, which nothing else that a device signs begins with."""
SKEW: Final = 3_600_000
"""Milliseconds that the clocks of two devices may differ."""

Sign = Callable[[bytes], bytes]
"""``sign(message)``: an Ed25519 signature by the device's key (RFC 8032)."""


class RoomAct(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A change of the members of one room on one server.

    ``serial`` counts the changes that the signer knew, so that a statement from before a removal is void.
    ``at`` is the signer's clock (milliseconds since 1970).
    """

    server: Server
    room: RoomIdField
    serial: Count
    at: MillisField
    who: UserName


class Admit(RoomAct, frozen=True, array_like=True, tag="admit", forbid_unknown_fields=True):
    """``who``, with this account key, may be in the room, or stays in it after a key change.

    ``origin`` (32 bytes) is the digest of the roster's start, which distinguishes a different group for the
    same room and people.
    """

    account_key: Key
    origin: Key


class Request(RoomAct, frozen=True, array_like=True, tag="request", forbid_unknown_fields=True):
    """The signer, who is ``who``, asks to join a public room."""


class Remove(RoomAct, frozen=True, array_like=True, tag="remove", forbid_unknown_fields=True):
    """``who`` leaves the room, or is removed from it.

    With ``ban`` they cannot come back until the ban is lifted, or ``until`` has passed.
    """

    ban: bool = False
    until: MillisField | None = None


class Unban(RoomAct, frozen=True, array_like=True, tag="unban", forbid_unknown_fields=True):
    """``who`` may be admitted again."""


class SetRole(RoomAct, frozen=True, array_like=True, tag="role", forbid_unknown_fields=True):
    """``who`` has this role from now on."""

    role: Role


AnyAct: TypeAlias = Admit | Request | Remove | Unban | SetRole


class _Carried(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    body: bytes
    certificate: bytes
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with valid signatures."""

    act: AnyAct
    signer: Certificate
    data: bytes
    """The encoded statement."""

    @property
    def by(self) -> UserName:
        """The owner of the signing device."""
        return self.signer.user

    @property
    def device(self) -> DeviceId:
        """The device that signed it."""
        return self.signer.device


def sign_statement(act: AnyAct, certificate: bytes, sign: Sign) -> bytes:
    """Return ``act`` encoded and signed by the device of ``certificate``."""
    body = msgspec.msgpack.encode(act, enc_hook=plain_text)
    return msgspec.msgpack.encode(_Carried(body, certificate, sign(LABEL + body)))


def read_statement(data: bytes, verify: Verify) -> Statement:
    """Read a statement and verify both signatures. Raises StatementError."""
    if len(data) > STATEMENT_BYTES.value:
        raise StatementError("the room statement is too long")
    try:
        carried = msgspec.msgpack.decode(data, type=_Carried)
        act: AnyAct = msgspec.msgpack.decode(carried.body, type=AnyAct, dec_hook=decode_field)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise StatementError("this is not a room statement") from error
    canonical = msgspec.msgpack.encode(act, enc_hook=plain_text)
    if canonical != carried.body or msgspec.msgpack.encode(carried) != data:
        raise StatementError("the room statement is not in its canonical form")
    signer = Certificate.read(carried.certificate, verify)
    if signer.server != act.server:
        raise StatementError("the room statement is for another server")
    if not signer.created - SKEW <= act.at <= signer.expires + SKEW:
        raise StatementError(
            "the certificate of the device that signed the room statement was not valid then"
        )
    if not verify(signer.device_key, LABEL + carried.body, carried.signature):
        raise StatementError("the signature of the room statement is not valid")
    if isinstance(act, Request) and act.who != signer.user:
        raise StatementError("the request is in someone else's name")
    return Statement(act, signer, bytes(data))
