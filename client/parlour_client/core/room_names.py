"""Finds the room that a person names: `lobby`, `#lobby`, `*den`, `@ada`, `garden~Zm9v`, or the room's id.

Private rooms may share a name, so two rooms of an account can have the same name, or names that look the
same. Then each title ends with `~`, which no name contains, and the beginning of the room's id; an ambiguous
name is refused, so that a message never goes to a guessed room. Every view finds rooms with ``find_room``.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import Skeleton, skeleton

if TYPE_CHECKING:
    from parlour_client.core.model import Invitation, Room
    from parlour_protocol.frames import RoomSummary, replies

_R = TypeVar("_R", "Room", "Invitation")

_MARK: Final = 4
"""Letters of an id in a title, unless two ids begin the same."""


def marks(rooms: "Iterable[RoomSummary | replies.Invitation]") -> Mapping[RoomId, str]:
    """Return the suffixes for rooms whose names look the same.

    A room may be named twice: its own members are invited again under a new key.
    """
    alike: dict[Skeleton, set[RoomId]] = {}
    for room in rooms:
        if room.name is not None:
            alike.setdefault(skeleton(room.name), set()).add(room.room)
    found: dict[RoomId, str] = {}
    for ids in alike.values():
        if len(ids) > 1:
            size = next(size for size in count(_MARK) if len({room[:size] for room in ids}) == len(ids))
            found |= {room: room[:size] for room in ids}
    return found


def find_room(rooms: Sequence[_R], wanted: str) -> _R | None:
    """Return the named room; None if there is none. Raises SetupError if it is ambiguous."""
    if wanted.startswith("@"):
        return next((room for room in rooms if _same(room.peer, wanted[1:])), None)
    name, _tilde, mark = wanted.lstrip("#*").partition("~")  # as lists and headings mark rooms
    found = [
        room for room in rooms if room.id == wanted or (_same(room.name, name) and room.id.startswith(mark))
    ]
    if len(found) > 1:
        titles = ", ".join(room.title for room in found)
        raise SetupError(
            _("Several rooms have that name."), _("Write one of: {titles}.").format(titles=titles)
        )
    return found[0] if found else None


def _same(name: str | None, typed: str) -> bool:
    return name is not None and name in (typed, typed.lower())
