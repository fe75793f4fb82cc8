"""The rooms in the archive: the number of each, which only the person changes."""

from collections.abc import Sequence

from tests.client.core.core_fake import BOB

from parlour_client.core.archive import Archive, known_rooms
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind


def room(name: str) -> RoomSummary:
    """Return a public room."""
    return RoomSummary(
        room=RoomId(name.ljust(22, "_")),
        kind=RoomKind.PUBLIC,
        role=Role.MEMBER,
        head=Seq(1),
        read=Seq(1),
        members=2,
        name=parse_room_name(name),
    )


def direct(*, request: bool = False) -> RoomSummary:
    """Return the direct room with bob."""
    return RoomSummary(
        room=RoomId("direct".ljust(22, "_")),
        kind=RoomKind.DIRECT,
        role=Role.MEMBER,
        head=Seq(1),
        read=Seq(1),
        members=2,
        peer=BOB,
        request=request,
    )


async def numbered(archive: Archive) -> dict[str, int]:
    """Return the numbers by the rooms' names."""
    return {room.rstrip("_"): number for room, number in (await archive.read(known_rooms.numbers)).items()}


async def greet(archive: Archive, rooms: Sequence[RoomSummary]) -> dict[str, int]:
    """Store what a server lists, and return the numbers."""
    await archive.write(known_rooms.save, rooms, all_of_them=True)
    return await numbered(archive)


async def test_a_number_is_given_once(archive: Archive) -> None:
    """The lowest free one; what was left is free again, and the others keep theirs."""
    assert await greet(archive, [room("b"), direct(), room("a")]) == {"direct": 1, "a": 2, "b": 3}
    await archive.write(known_rooms.save, [room("c")])
    await archive.write(known_rooms.leave, room("a").room)
    assert await numbered(archive) == {"direct": 1, "b": 3, "c": 4}
    assert await greet(archive, [room("0"), room("b"), room("c")]) == {"0": 1, "b": 3, "c": 4}


async def test_nine_rooms_have_a_number(archive: Archive) -> None:
    """One digit each; the tenth has none until one is free."""
    rooms = [room(f"room{number}") for number in range(10)]
    numbers = await greet(archive, rooms)
    assert sorted(numbers.values()) == list(range(1, 10))
    assert "room9" not in numbers
    assert (await greet(archive, rooms[1:]))["room9"] == 1


async def test_a_stranger_takes_none(archive: Archive) -> None:
    """A direct room that waits for a yes has no number before it."""
    assert await greet(archive, [direct(request=True), room("a")]) == {"a": 1}
    assert await greet(archive, [direct(), room("a")]) == {"a": 1, "direct": 2}


async def test_two_rooms_change_their_numbers(archive: Archive) -> None:
    """The other one gets what this one had; or none, if it had none."""
    await greet(archive, [room("a"), room("b")])
    await archive.write(known_rooms.set_number, room("b").room, 1)
    assert await numbered(archive) == {"a": 2, "b": 1}
    await archive.write(known_rooms.set_number, room("b").room, 7)
    assert await numbered(archive) == {"a": 2, "b": 7}
    await archive.write(known_rooms.save, [direct(request=True)])
    await archive.write(known_rooms.set_number, direct().room, 2)
    assert await numbered(archive) == {"direct": 2, "b": 7}
