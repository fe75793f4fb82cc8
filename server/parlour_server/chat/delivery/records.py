"""Records of devices with keys, certificates, key packages and the key log."""

from dataclasses import dataclass

from parlour_protocol.delivery import DeviceInfo, DeviceStatus
from parlour_protocol.frames.opaque import CertificateBytes, KeyPackageBytes, PublicKey
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.rooms import RoomSuite


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A verified certificate by ``account_key``; ``expires`` is its end."""

    data: CertificateBytes
    account_key: PublicKey
    expires: Millis


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A session's device: its id matches its key, and it proved that it has the key."""

    id: DeviceId
    user: UserName
    key: PublicKey
    name: DeviceName
    at: Millis


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device with keys of its own: what its account sees of it, and its certificate once it is approved."""

    user: UserName
    info: DeviceInfo
    certificate: CertificateBytes | None = None
    expires: Millis | None = None
    """The end of the certificate."""

    @property
    def id(self) -> DeviceId:
        """Its id, the hash of its key."""
        return self.info.device

    @property
    def status(self) -> DeviceStatus:
        """Whether it was approved, or revoked."""
        return self.info.status


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """The effect of a revocation or a new account key; none if ``changed`` is false."""

    changed: bool
    sessions: frozenset[SessionId] = frozenset()
    """The sessions that ended; the journal has them, too."""


@dataclass(frozen=True, slots=True)
class NewPackages:
    """Unused key packages of a device; they can be claimed until ``expires``."""

    device: DeviceId
    packages: tuple[KeyPackageBytes, ...]
    last_resort: KeyPackageBytes | None
    expires: Millis
    replace: bool = False
    suite: RoomSuite = RoomSuite.X25519


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A claimed key package, and the number its device has left.

    ``last_resort``: the reusable one, which others get as well until the device uploads more.
    """

    device: DeviceId
    user: UserName
    package: KeyPackageBytes
    left: int
    last_resort: bool
    suite: RoomSuite = RoomSuite.X25519
