"""Which room a person means: titles tell rooms apart, and nothing is guessed."""

import pytest

from parlour_client.core.model import Room
from parlour_client.core.room_names import find_room, marks
from parlour_client.core.sync.state import State
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames import LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Renamed
from parlour_protocol.frames.replies import Invitation
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

ME, ADA = parse_user_name("me-too"), parse_user_name("ada")


def summary(room: str, name: str | None, kind: RoomKind = RoomKind.PRIVATE) -> RoomSummary:
    """Return a room; without a name the direct one with ada."""
    return RoomSummary(
        room=RoomId(room.ljust(22, "_")),
        kind=RoomKind.DIRECT if name is None else kind,
        role=Role.MEMBER,
        head=Seq(1),
        read=Seq(1),
        members=2,
        name=None if name is None else parse_room_name(name),
        peer=ADA if name is None else None,
    )


def state(*rooms: RoomSummary) -> State:
    """Return the state of someone who is in these rooms."""
    made = State(ME, SystemClock())
    for room in rooms:
        made.update(room)
    return made


def titles(known: State) -> list[str]:
    """Return what the rooms are called."""
    return [room.title for room in known.rooms]


def test_rooms_that_look_alike_carry_the_beginning_of_their_ids() -> None:
    """L15: a private room with the name of another, or one that looks like it, is told from it."""
    known = state(summary("Abcd1", "garden", RoomKind.PUBLIC), summary("Wxyz2", "garden"))
    assert titles(known) == ["garden~Abcd", "garden~Wxyz"]
    known.update(summary("Qrst3", "1obby"))
    known.update(summary("Mnop4", "lobby", RoomKind.PUBLIC))
    assert titles(known) == ["1obby~Qrst", "garden~Abcd", "garden~Wxyz", "lobby~Mnop"]
    known.forget(RoomId("Wxyz2".ljust(22, "_")))
    assert "garden" in titles(known)
    for written in ("garden", "#garden", "*garden"):
        room = find_room(known.rooms, written)
        assert room is not None
        assert room.title == "garden"


@pytest.mark.timeout(10)
def test_an_invitation_to_a_room_that_one_is_in_is_no_second_room() -> None:
    """L15: a member with a new key is invited again, and so is whoever a restored server forgot."""
    room = summary("Abcd1", "garden")
    name = parse_room_name("garden")
    again = Invitation(
        room=room.room,
        kind=room.kind,
        name=name,
        inviter=ADA,
        at=Millis(1),
        expires=Millis(2),
        encrypted=True,
    )
    assert not marks([room, again])
    assert set(marks([room, again, summary("Abcd2", "garden")]).values()) == {"Abcd1", "Abcd2"}


def test_a_room_that_gets_another_name_no_longer_looks_like_one() -> None:
    """Neither of the two needs its id any more."""
    garden, other = summary("Abcd1", "garden"), summary("Wxyz2", "garden")
    known = state(garden, other)
    assert titles(known) == ["garden~Abcd", "garden~Wxyz"]
    body = Renamed(parse_room_name("orchard"))
    known.apply(
        LogEvent(other.room, Seq(2), Millis(1), ADA, parse_device_name("laptop"), body), mention=False
    )
    assert titles(known) == ["garden", "orchard"]


def test_ids_that_begin_alike_are_distinguished() -> None:
    """A title shows as much of the id as it takes."""
    known = state(*(summary(f"Abcdef{number}", "garden") for number in range(3)))
    assert titles(known) == ["garden~Abcdef0", "garden~Abcdef1", "garden~Abcdef2"]


def test_nothing_is_guessed() -> None:
    """L15: a name that two rooms have means neither; their titles, ids and other names mean one."""
    one, other, lobby = summary("Abcd1", "garden"), summary("Wxyz2", "garden"), summary("Lobb3", "lobby")
    rooms = state(one, other, lobby, summary("Dire4", None)).rooms

    def found(wanted: str) -> Room | None:
        return find_room(rooms, wanted)

    with pytest.raises(SetupError, match="Several rooms") as refused:
        found("garden")
    assert "garden~Abcd, garden~Wxyz" in refused.value.hint
    for wanted, room in (
        ("garden~Wxyz", other.room),
        ("#GARDEN~Abcd", one.room),
        (other.room, other.room),
        ("lobby", lobby.room),
        ("#Lobby", lobby.room),
        ("@ada", RoomId("Dire4".ljust(22, "_"))),
    ):
        assert (known := found(wanted)) is not None, wanted
        assert known.id == room, wanted
    for wanted in ("garden~none", "kitchen", "ada", "@ben", "", "~"):
        assert found(wanted) is None, wanted
