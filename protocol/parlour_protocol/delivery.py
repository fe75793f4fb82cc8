"""The bodies of the HTTPS API for devices, key packages, MLS groups and files (the delivery service).

Only devices can decrypt messages: the server stores and passes on `Opaque` values unchanged. It checks
signatures of certificates, permissions, and that one commit wins an epoch. `protocol/README.md` describes the
order of the calls.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from parlour_protocol.frames.bodies import Devices
from parlour_protocol.frames.opaque import (
    CertificateBytes,
    Digest,
    HandshakeBytes,
    KeyPackageBytes,
    LogEntryBytes,
    PublicKey,
    Signature,
    TreeBytes,
    WelcomeBytes,
)
from parlour_protocol.id_fields import EpochField, FileIdField, GroupIdField, RoomIdField, WelcomeIdField
from parlour_protocol.kit.id_fields import (
    IDENTIFIER,
    Count,
    DeviceIdField,
    IncarnationField,
    MillisField,
    RequestIdField,
    SeqField,
    SeqOrZero,
    ServerNameField,
)
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.second_factor import FactorProof
from parlour_protocol.kit.secret import Secret
from parlour_protocol.limits import CLAIM_DEVICES, KEY_LOG_PAGE, KEY_PACKAGES, WITNESSES
from parlour_protocol.rooms import RoomSuite

CosignatureLine = Annotated[
    str, Meta(max_length=207, pattern=r"\A\u2014 [!-*,-~]{1,100} [A-Za-z0-9+/=]{104}\Z", extra=IDENTIFIER)
]


class DeviceStatus(StrEnum):
    """The state of a device of an account."""

    PENDING = "pending"
    """Registered, without a certificate: another device, or the recovery key, must approve it."""
    ACTIVE = "active"
    REVOKED = "revoked"


# --- the account's key and its devices


class AccountKey(Payload, frozen=True):
    """`POST /v1/identity`: the account's identity key, once.

    ``password`` is needed to replace an existing key, and a proof by a second ``factor`` if the account has
    one. Everyone is notified (by a new entry in the key log), all certificates by the old key are void, and
    its devices are revoked.
    """

    key: PublicKey
    proof: Signature
    """By ``key``, over `identity.account_proof`."""
    password: Secret | None = None
    factor: FactorProof | None = None


class RegisterDevice(Payload, frozen=True):
    """`POST /v1/devices`: bind this session to the device with this key.

    Call it after every login. With ``certificate`` a new device is active at once, else it is pending.
    """

    key: PublicKey
    proof: Signature
    """By ``key``, over `identity.device_proof` for this session."""
    certificate: CertificateBytes | None = None


class DeviceInfo(Payload, frozen=True):
    """One of your devices. ``packages`` counts its unused single-use key packages."""

    device: DeviceIdField
    key: PublicKey
    name: DeviceName
    status: DeviceStatus
    created: MillisField
    last_seen: MillisField
    packages: Count = 0
    last_resort: bool = False
    """A last-resort key package is there, unused."""
    hybrid_packages: Count = 0
    """The same for post-quantum rooms."""
    hybrid_last_resort: bool = False
    current: bool = False


class DeviceList(Payload, frozen=True):
    """`GET /v1/devices`: your devices. ``account_key`` is absent until one is published."""

    devices: tuple[DeviceInfo, ...]
    account_key: PublicKey | None = None


class CertifyDevice(Payload, frozen=True):
    """`POST /v1/devices/{id}/certificate`: approve a pending device of your account."""

    certificate: CertificateBytes


class RevokeDevice(Payload, frozen=True):
    """`POST /v1/devices/{id}/revocation`: a signed revocation (``identity``). Its session ends with it."""

    revocation: CertificateBytes


# --- key packages


class KeyPackages(Payload, frozen=True):
    """`PUT /v1/devices/{id}/key-packages`: add to the stored ones, or ``replace`` them.

    Over the server's limit, the oldest are dropped.
    """

    packages: Annotated[tuple[KeyPackageBytes, ...], Meta(max_length=KEY_PACKAGES.value)] = ()
    last_resort: KeyPackageBytes | None = None
    replace: bool = False
    expires: MillisField | None = None
    """When the first of them expires; the server returns none after that."""
    suite: RoomSuite = RoomSuite.X25519
    """The cipher suite of all of them; packages of the other suite stay unchanged."""


class ClaimKeyPackages(Payload, frozen=True):
    """`POST /v1/key-packages/claims`: one key package of each of these devices, to add them to a room.

    ``suite`` is that of the room's group.
    """

    room: RoomIdField
    devices: Annotated[tuple[DeviceIdField, ...], Meta(min_length=1, max_length=CLAIM_DEVICES.value)]
    suite: RoomSuite = RoomSuite.X25519


class ClaimedKeyPackage(Payload, frozen=True):
    """A key package that no one else gets, unless it is the last resort."""

    device: DeviceIdField
    package: KeyPackageBytes


class ClaimedKeyPackages(Payload, frozen=True):
    """200: devices without a package of that suite are left out."""

    packages: tuple[ClaimedKeyPackage, ...]


# --- the key log


class KeyLogPage(Payload, frozen=True):
    """`GET /v1/key-log?after=N`: entries N+1, N+2, …; and the signed head of the whole log.

    ``server`` is the name at the log's start and in every certificate. ``signature`` is the key
    log's, over `Head.to_be_signed`; ``key`` is its public key.
    """

    server: ServerNameField
    entries: Annotated[tuple[LogEntryBytes, ...], Meta(max_length=KEY_LOG_PAGE.value)]
    size: Count
    head: Digest
    signature: Signature
    key: PublicKey


class CosignedHead(Payload, frozen=True):
    """A head of the key log that a witness has cosigned.

    ``line`` is that of a signed note under `Head.to_be_signed`, as C2SP defines it (tlog-cosignature).
    """

    size: Count
    head: Digest
    line: CosignatureLine


class CosignedHeads(Payload, frozen=True):
    """`GET /v1/key-log/cosignatures`: the newest of each witness that the operator named."""

    heads: Annotated[tuple[CosignedHead, ...], Meta(max_length=WITNESSES.value)]


# --- groups


class CreateGroup(Payload, frozen=True):
    """`POST /v1/rooms/{id}/group`: the room's MLS group, created by this session's device.

    ``replaces`` must be the current group (None: there is none), which must be contested. Otherwise 409
    `stale_epoch`.
    """

    request: RequestIdField
    group: GroupIdField
    replaces: GroupIdField | None = None


class Commit(Payload, frozen=True):
    """`POST /v1/rooms/{id}/commits`: advance the group from ``epoch`` unless another commit came first.

    ``welcome`` and ``tree`` are present exactly when devices are ``added``; ``unusable`` are those of
    ``removed`` with a key to which no one can encrypt. 409 `stale_epoch`: another commit won; nothing of this
    one was stored, not even its Welcomes.
    """

    request: RequestIdField
    group: GroupIdField
    epoch: EpochField
    data: HandshakeBytes
    added: Devices = ()
    removed: Devices = ()
    unusable: Devices = ()
    welcome: WelcomeBytes | None = None
    tree: TreeBytes | None = None


class Contest(Payload, frozen=True):
    """`POST /v1/rooms/{id}/contests`: this device cannot apply the commit that led to ``epoch``."""

    request: RequestIdField
    group: GroupIdField
    epoch: EpochField


class EventStored(Payload, frozen=True):
    """201: stored as event ``seq`` of the room."""

    seq: SeqField
    at: MillisField
    incarnation: IncarnationField


class GroupDevice(Payload, frozen=True):
    """A device and its owner."""

    device: DeviceIdField
    user: UserName


class GroupState(Payload, frozen=True):
    """`GET /v1/rooms/{id}/group`: the state of the room's group, as the server sees it.

    ``present``: devices in the group. ``missing``: active devices of members that are not in it. ``leaving``:
    devices in it that must be removed before anyone sends. ``group`` is absent until it is created.
    ``closed``: members whose accounts were deleted; only members can remove them.
    """

    epoch: EpochField
    incarnation: IncarnationField
    group: GroupIdField | None = None
    contested: bool = False
    present: tuple[GroupDevice, ...] = ()
    missing: tuple[GroupDevice, ...] = ()
    leaving: tuple[GroupDevice, ...] = ()
    head: SeqOrZero = Seq(0)
    """The newest event that this state includes."""
    closed: tuple[UserName, ...] = ()


class WaitingWelcome(Payload, frozen=True):
    """A Welcome for your device. ``seq`` is the event of its commit."""

    id: WelcomeIdField
    room: RoomIdField
    group: GroupIdField
    seq: SeqField
    welcome: WelcomeBytes
    tree: TreeBytes


class Welcomes(Payload, frozen=True):
    """`GET /v1/devices/{id}/welcomes`: the oldest, as many as fit; `DELETE /v1/welcomes/{id}` deletes one."""

    welcomes: tuple[WaitingWelcome, ...]
    incarnation: IncarnationField
    more: bool = False


# --- files


class FileStored(Payload, frozen=True):
    """201 to `POST /v1/rooms/{id}/files` (the bytes themselves): send a message that refers to it."""

    file: FileIdField
    size: Count
    sha256: Digest
    expires: MillisField | None = None
