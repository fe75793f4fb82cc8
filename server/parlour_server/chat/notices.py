"""The chat's notifications on the bus. A lost one is found by other means, named here.

A lost ``EventCommitted`` is found by its number's gap, a lost ``KeysChanged`` by the journal, a lost
``ConsentChanged`` with the next connection; a lost ``…Ephemeral`` was never stored.
"""

from dataclasses import dataclass

from parlour_protocol.frames.replies import (
    KeyPackagesLow,
    LogEvent,
    ReadBy,
    ReadMarked,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import ConnectionId, DeviceId
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class EventCommitted:
    """This event is on disk; deliver it to the room's members that are connected here."""

    event: LogEvent


@dataclass(frozen=True, slots=True)
class RoomEphemeral:
    """Notify the members of a room, except the connection it came from; never stored."""

    room: RoomId
    frame: TypingUpdate | StatusUpdate | ReadBy
    origin: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class UserEphemeral:
    """Notify all connections of one account, except the one it came from."""

    user: UserName
    frame: ReadMarked
    origin: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class DeviceEphemeral:
    """Notify the connections of one device."""

    device: DeviceId
    frame: KeyPackagesLow


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """This account's key or devices changed, and with them its encrypted rooms and the key log."""

    user: UserName


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """This account accepted or declined a room on one of its devices; the others must check."""

    user: UserName
    room: RoomId
