"""Why the open room is no longer this account's, as far as its log says: who did it, and when.

Nothing is guessed: a removal that happened while this device was not connected has neither an author nor a
time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from parlour_client.core.model import Entry, Room, display_name
from parlour_client.kit.language import _
from parlour_client.text.date_text import short_time
from parlour_protocol.frames.bodies import Added, Banned, Joined, Kicked, Left, RoomDeleted
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class Removal:
    """How a room was lost."""

    room: Room
    """Its last known state."""
    words: str
    by: UserName | None = None
    """The person who removed this account, and may invite it again."""
    banned: bool = False
    deleted: bool = False


def removal(
    room: Room, entries: Iterable[Entry], me: UserName, now: Millis, deleted_by: UserName | None = None
) -> Removal:
    """Say how ``room`` was lost, by the newest of its ``entries`` (oldest first) that tells it."""
    found = next((entry for entry in reversed(list(entries)) if _is_about(entry, me)), None)
    if found is not None and not isinstance(found.body, Joined | Added):
        return _told(room, found, now)
    if deleted_by is not None:
        words = _("{author} deleted this room").format(author=display_name(deleted_by))
        return Removal(room, words, deleted=True)
    return Removal(room, _("You are no longer in this room"))


def _is_about(entry: Entry, me: UserName) -> bool:
    match entry.body:
        case Kicked(who=who) | Banned(who=who) | Added(who=who):
            return who == me
        case Joined() | Left():
            return entry.author == me
        case RoomDeleted():
            return True
        case _:
            return False


def _told(room: Room, entry: Entry, now: Millis) -> Removal:
    author = display_name(entry.author)
    time = short_time(entry.at, now)
    match entry.body:
        case Kicked():
            words = _("{author} removed you at {time}").format(author=author, time=time)
            return Removal(room, words, entry.author)
        case Banned(until=until):
            words = (
                _("{author} banned you at {time}").format(author=author, time=time)
                if until is None
                else _("{author} banned you at {time}, until {end}").format(
                    author=author, time=time, end=short_time(until, now)
                )
            )
            return Removal(room, words, entry.author, banned=True)
        case RoomDeleted():
            words = _("{author} deleted this room at {time}").format(author=author, time=time)
            return Removal(room, words, deleted=True)
        case _:
            return Removal(room, _("You left this room at {time}").format(time=time))
