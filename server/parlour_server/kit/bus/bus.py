"""The bus: notifications between servers. The store is authoritative; the bus only saves time.

A notification may be lost, repeated or reordered, and no receiver may depend on it: a lost
``EventCommitted`` is found by its number's gap, a lost ``SessionsEnded`` or ``KeysChanged`` by the
journal, a lost ``ConsentChanged`` with the next connection, a lost ``…Ephemeral`` was never stored.
Notifications also reach the publisher's own subscribers. Every implementation passes
`tests/server/kit/bus/bus_contract.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from parlour_protocol.frames.replies import (
    KeyPackagesLow,
    LogEvent,
    ReadBy,
    ReadMarked,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import ConnectionId, DeviceId, SessionId
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class EventCommitted:
    """This event is on disk; deliver it to the room's members that are connected here."""

    event: LogEvent


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Close the sockets of these sessions."""

    sessions: frozenset[SessionId]


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


Notice = (
    EventCommitted
    | SessionsEnded
    | RoomEphemeral
    | UserEphemeral
    | DeviceEphemeral
    | KeysChanged
    | ConsentChanged
)
Handler = Callable[[Notice], None]


class Bus(Protocol):
    """Publishes to all servers, including this one."""

    def publish(self, notice: Notice) -> None:
        """Deliver to every server, in this caller's order. Never blocks, never raises for a lost peer."""
        ...

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` in the event loop for every notification from now on. It must not raise."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect; pending notifications are delivered first where that needs no waiting."""
        ...
