"""The chat's notifications on the bus. A lost one is found by other means, named here.

A lost ``EventCommitted`` is found by its number's gap, by the position check, and if it changed someone's
membership or invitation by the journal, as are a lost ``KeysChanged`` and a lost ``ConsentChanged``; a lost
``…Ephemeral`` was never stored. Who hears of what is here, too: the servers where a room has listeners, those
where a person is connected, or all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from parlour_protocol.frames.bodies import concerned
from parlour_protocol.frames.replies import (
    KeyPackagesLow,
    LogEvent,
    ReadBy,
    ReadMarked,
    TypingUpdate,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import ConnectionId, DeviceId
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.log import log_subject
from parlour_server.core.bus.bus import NoticeType, user_subject


@dataclass(frozen=True, slots=True)
class EventCommitted:
    """This event is on disk; deliver it to the room's members that are connected here."""

    event: LogEvent


@dataclass(frozen=True, slots=True)
class RoomEphemeral:
    """Notify the members of a room, except the connection it came from; never stored."""

    room: RoomId
    frame: TypingUpdate | ReadBy
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

    user: UserName
    device: DeviceId
    frame: KeyPackagesLow


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """This account's key or devices changed, and with them its encrypted rooms and the key log."""

    user: UserName


@dataclass(frozen=True, slots=True)
class DeviceWaits:
    """A new device of this account waits for approval; its other connections can approve it."""

    user: UserName


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """This account accepted or declined a room on one of its devices; the others must check."""

    user: UserName
    room: RoomId


def _of_event(notice: EventCommitted) -> Iterable[str]:
    event = notice.event
    yield log_subject(event.room)
    # Their connections must enter the room, or see the invitation, where no one listens to the room yet.
    if (who := concerned(event.body, event.author)) is not None:
        yield user_subject(who)


def _of_room(notice: RoomEphemeral) -> Iterable[str]:
    return (log_subject(notice.room),)


def _of_user(notice: UserEphemeral | DeviceEphemeral | ConsentChanged | DeviceWaits) -> Iterable[str]:
    return (user_subject(notice.user),)


NOTICES: Final[tuple[NoticeType[Any], ...]] = (
    NoticeType(EventCommitted, "event", _of_event),
    NoticeType(RoomEphemeral, "room", _of_room),
    NoticeType(UserEphemeral, "user", _of_user),
    NoticeType(DeviceEphemeral, "device", _of_user),
    NoticeType(ConsentChanged, "consent", _of_user),
    NoticeType(DeviceWaits, "device_waits", _of_user),
    NoticeType(KeysChanged, "keys"),  # it concerns everyone in the person's encrypted rooms
)
