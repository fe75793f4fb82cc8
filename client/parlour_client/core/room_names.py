"""How a person says which room is meant: `lobby`, `@ada`, `garden~Zm9v`, or the room's id.

Private rooms may share a name, so two of one's rooms can be called alike, or look alike. Then each is titled
with the beginning of its id behind a `~`, which no name has, and a name that several have means none of them:
what is written never goes to a room that was guessed. Every view finds rooms by ``find_room``.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Final, TypeVar

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Invitation, Room
from parlour_protocol.frames import RoomSummary, replies
from parlour_protocol.ids import RoomId
from parlour_protocol.names import Skeleton, skeleton

_R = TypeVar("_R", Room, Invitation)

_MARK: Final = 4
"""Letters of an id that a title shows, unless two of them begin alike."""


def marks(rooms: Iterable[RoomSummary | replies.Invitation]) -> Mapping[RoomId, str]:
    """Return what stands behind the names of those rooms whose names look alike."""
    alike: dict[Skeleton, list[RoomId]] = {}
    for room in rooms:
        if room.name is not None:
            alike.setdefault(skeleton(room.name), []).append(room.room)
    found: dict[RoomId, str] = {}
    for ids in alike.values():
        if len(ids) > 1:
            size = next(size for size in count(_MARK) if len({room[:size] for room in ids}) == len(ids))
            found |= {room: room[:size] for room in ids}
    return found


def find_room(rooms: Sequence[_R], wanted: str) -> _R | None:
    """Return the room that is meant; None for none. Raises SetupError where it could be one of several."""
    if wanted.startswith("@"):
        return next((room for room in rooms if _same(room.peer, wanted[1:])), None)
    name, _, mark = wanted.removeprefix("#").partition("~")
    found = [
        room for room in rooms if room.id == wanted or (_same(room.name, name) and room.id.startswith(mark))
    ]
    if len(found) > 1:
        titles = ", ".join(room.title for room in found)
        raise SetupError("Several rooms have that name.", f"Write one of: {titles}.")
    return found[0] if found else None


def _same(name: str | None, typed: str) -> bool:
    return name is not None and name in (typed, typed.lower())
