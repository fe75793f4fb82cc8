"""Devices with keys, their certificates and key packages, and entries of the key log."""

from dataclasses import dataclass

from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.frames.opaque import CertificateBytes, KeyPackageBytes, LogEntryBytes, PublicKey
from parlour_protocol.identity import Head
from parlour_protocol.ids import DeviceId, Millis, SessionId
from parlour_protocol.names import DeviceName, UserName
from parlour_protocol.rooms import RoomSuite


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry for the key log. ``start`` is the head of this server's log while it is empty."""

    data: LogEntryBytes
    start: Head


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate whose signature was checked; ``account_key`` made it, ``expires`` is its end."""

    data: CertificateBytes
    account_key: PublicKey
    expires: Millis


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that a session speaks for: its id fits its key, and it has proved that it holds it."""

    id: DeviceId
    user: UserName
    key: PublicKey
    name: DeviceName
    at: Millis


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device with keys of its own. ``certificate`` and its end are there once it was approved.

    ``packages`` counts the single-use key packages that can be given out now.
    """

    id: DeviceId
    user: UserName
    key: PublicKey
    name: DeviceName
    status: DeviceStatus
    created: Millis
    last_seen: Millis
    certificate: CertificateBytes | None = None
    expires: Millis | None = None
    packages: int = 0
    last_resort: bool = False
    hybrid_packages: int = 0
    hybrid_last_resort: bool = False


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What a revocation, or a new account key, did: nothing when ``changed`` is false (it was so already)."""

    changed: bool
    sessions: frozenset[SessionId] = frozenset()
    """They ended with it; the journal says so, too."""


@dataclass(frozen=True, slots=True)
class NewPackages:
    """Key packages of a device, unused; no one is given one after ``expires``."""

    device: DeviceId
    packages: tuple[KeyPackageBytes, ...]
    last_resort: KeyPackageBytes | None
    expires: Millis
    replace: bool = False
    suite: RoomSuite = RoomSuite.X25519


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A key package that was given out, and what its device has left.

    ``last_resort``: it was the last one, which is given to others as well until the device brings more.
    """

    device: DeviceId
    user: UserName
    package: KeyPackageBytes
    left: int
    last_resort: bool
    suite: RoomSuite = RoomSuite.X25519
