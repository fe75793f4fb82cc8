"""Devices' signed statements about membership: admissions, acceptances, withdrawals, removals, roles.

A statement is sent as the exact signed bytes, with the signer's certificate, so that anyone can check it
without a server. Reading one checks its form and signatures; the `Roster` decides whether its signer may make
it. The server cannot create statements.
"""

import hashlib
import secrets
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

LABEL: Final = b"parlour room statement v2\0"
"""The label of the signed bytes, which nothing else that a device signs begins with."""
SKEW: Final = 3_600_000
"""Milliseconds that the clocks of two devices may differ."""
ADMISSION_LASTS: Final = 14 * 86_400_000
"""Milliseconds from an admission to its end, as devices sign it."""
LONGEST_ADMISSION: Final = 30 * 86_400_000
"""The most that one may last."""
NEVER_REMOVED: Final = bytes(32)
"""The value that an admission or a request has instead of a removal if there was none."""
_DIGEST_LABEL: Final = b"parlour statement digest v1\0"

AdmissionId = Annotated[bytes, Meta(min_length=16, max_length=16)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]

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
    """``who``, with this account key, may be in the room once they accept, or stays in after a key change.

    ``origin`` (32 bytes) is the digest of the roster's start, which distinguishes a different group for the
    same room and people. ``after`` is that of what last removed ``who`` (`Roster.removal_digest`): a removal
    that its signer did not know of voids it. ``id`` is random. After ``until`` it admits no one.
    """

    account_key: Key
    origin: Key
    after: Digest
    id: AdmissionId
    until: MillisField


class Accept(RoomAct, frozen=True, array_like=True, tag="accept", forbid_unknown_fields=True):
    """The signer, who is ``who``, accepts the admission with this digest. ``serial`` is 0."""

    admission: Digest


class Withdraw(RoomAct, frozen=True, array_like=True, tag="withdraw", forbid_unknown_fields=True):
    """The admission of ``who``, or their request, is void.

    ``withdraws`` is that statement itself: someone who was never shown it can judge who may withdraw it.
    """

    withdraws: bytes


class Request(RoomAct, frozen=True, array_like=True, tag="request", forbid_unknown_fields=True):
    """The signer, who is ``who``, asks to join a public room. ``serial`` is 0.

    ``after`` is as in `Admit`.
    """

    after: Digest


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


AnyAct: TypeAlias = Admit | Accept | Withdraw | Request | Remove | Unban | SetRole


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
    digest: bytes
    """SHA-256 of the statement and its author: the same for a renewed certificate or another device."""
    withdraws: "Statement | None" = None
    """The admission or request that a `Withdraw` is about."""

    @property
    def by(self) -> UserName:
        """The owner of the signing device."""
        return self.signer.user

    @property
    def device(self) -> DeviceId:
        """The device that signed it."""
        return self.signer.device

    def is_by(self, user: UserName, account_key: bytes) -> bool:
        """Return whether a device of this account, with this key, signed it."""
        return self.signer.user == user and self.signer.account_key == account_key


def new_admission_id() -> bytes:
    """Return the random id of an admission."""
    return secrets.token_bytes(16)


def sign_statement(act: AnyAct, certificate: bytes, sign: Sign) -> bytes:
    """Return ``act`` encoded and signed by the device of ``certificate``."""
    body = msgspec.msgpack.encode(act, enc_hook=plain_text)
    return msgspec.msgpack.encode(_Carried(body, certificate, sign(LABEL + body)))


def read_statement(data: bytes, verify: Verify) -> Statement:
    """Read a statement and verify its signatures. Raises StatementError."""
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
    if isinstance(act, Request | Accept) and act.who != signer.user:
        raise StatementError("the request or acceptance is in someone else's name")
    if isinstance(act, Request | Accept) and act.serial:
        raise StatementError("the request or acceptance counts changes, of which an outsider knows nothing")
    if isinstance(act, Admit) and not act.at < act.until <= act.at + LONGEST_ADMISSION:
        raise StatementError("the admission does not end, or lasts too long")
    withdraws = _withdrawn(act, signer, verify) if isinstance(act, Withdraw) else None
    return Statement(act, signer, bytes(data), _digest(carried.body, signer), withdraws)


def _withdrawn(act: Withdraw, signer: Certificate, verify: Verify) -> Statement:
    """Read what is withdrawn: an admission of that person, or their own request."""
    found = read_statement(act.withdraws, verify)
    theirs = (found.act.server, found.act.room, found.act.who) == (act.server, act.room, act.who)
    own = isinstance(found.act, Request) and found.is_by(signer.user, signer.account_key)
    if not theirs or not (own or isinstance(found.act, Admit)):
        raise StatementError("the withdrawal is not about an admission of that person to the room")
    return found


def read_again(data: bytes) -> Statement:
    """Read a statement whose signatures were verified when it came."""
    return read_statement(data, lambda _key, _message, _signature: True)


def digest_of(data: bytes) -> bytes:
    """Return the digest of such a statement."""
    return read_again(data).digest


def _digest(body: bytes, signer: Certificate) -> bytes:
    said = msgspec.msgpack.encode((body, signer.user, signer.account_key), enc_hook=plain_text)
    return hashlib.sha256(_DIGEST_LABEL + said).digest()
