"""The bus: what servers tell each other at once. The store is the truth; the bus is only a hurry.

A notice may be lost, repeated or overtaken by another, and no receiver may depend on it: a lost
``EventCommitted`` is found by its number's gap, a lost ``SessionsEnded`` or ``KeysChanged`` by the
journal, a lost ``ConsentChanged`` with the next connection, a lost ``…Ephemeral`` was never stored. Notices
published here reach the publisher's own subscribers too.
Every implementation passes `tests/server/bus/bus_contract.py`.
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
from parlour_protocol.ids import ConnectionId, DeviceId, RoomId, SessionId
from parlour_protocol.names import UserName


@dataclass(frozen=True, slots=True)
class EventCommitted:
    """This event is on disk; deliver it to the room's members that are connected to you."""

    event: LogEvent


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Close the sockets of these sessions."""

    sessions: frozenset[SessionId]


@dataclass(frozen=True, slots=True)
class RoomEphemeral:
    """Tell the members of a room, but not the connection it came from; never stored."""

    room: RoomId
    frame: TypingUpdate | StatusUpdate | ReadBy
    origin: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class UserEphemeral:
    """Tell all connections of one account, but not the one it came from."""

    user: UserName
    frame: ReadMarked
    origin: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class DeviceEphemeral:
    """Tell the connections of one device."""

    device: DeviceId
    frame: KeyPackagesLow


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """This account has another key, or other devices: its encrypted rooms and the key log moved on."""

    user: UserName


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """This account accepted or declined a room on one of its devices: the others check again."""

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
    """Publish to all servers, this one included."""

    def publish(self, notice: Notice) -> None:
        """Deliver to every server, in this caller's order. Never blocks, never raises for a lost peer."""
        ...

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` in the event loop for every notice from now on. It must not raise."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect; what was published is told first, as far as it goes without waiting."""
        ...
