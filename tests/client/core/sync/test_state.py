"""The rooms as the log's events move them on, who types, and who hears of it."""

import dataclasses

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import ALICE, BEGIN, BOB, GARDEN, LAPTOP, LOBBY, FakeClock, FakeServer

from parlour_client.core.sync.state import Effect, State
from parlour_protocol.frames import AnyBody, LogEvent, MessageText, TopicText
from parlour_protocol.frames.bodies import (
    Added,
    Archived,
    Banned,
    Joined,
    Kicked,
    Left,
    Message,
    RetentionSet,
    RoleSet,
    TopicSet,
)
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind


def event(seq: int, body: AnyBody, author: UserName = BOB) -> LogEvent:
    """Return an event of the lobby."""
    return LogEvent(room=LOBBY, seq=Seq(seq), at=Millis(1), author=author, device=LAPTOP, body=body)


@pytest.fixture
def state() -> State:
    """Return a state with a lobby of two at event 1."""
    state = State(ALICE, FakeClock())
    state.update(FakeServer().summary(LOBBY))
    return state


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (Joined(members=3), 3),
        (Added(who=BOB, members=3), 3),
        (Left(members=1), 1),
        (Kicked(who=BOB, members=1), 1),
        (Banned(who=BOB, members=1), 1),
        (Banned(who=BOB, members=2), 2),  # bob had left before
    ],
    ids=str,
)
def test_people_come_and_go(state: State, body: AnyBody, members: int) -> None:
    """The number of members is what the server says in the event: nothing here counts on its own."""
    assert state.apply(event(2, body), mention=False)
    room = state.room(LOBBY)
    assert room is not None
    assert (room.members, room.head) == (members, 2)


def test_an_event_makes_its_own_room_again_and_no_other(state: State) -> None:
    """However many rooms there are, a message costs one of them; a changed preference is seen at once."""
    server = FakeServer()
    server.add_room(GARDEN, "garden")
    state.update(server.summary(GARDEN))
    lobby, garden = state.room(LOBBY), state.room(GARDEN)
    assert state.apply(event(2, Message(MessageText("hello"))), mention=False) is Effect.COUNTS
    assert state.room(GARDEN) is garden
    assert state.room(LOBBY) != lobby
    assert state.room(LOBBY) is state.room(LOBBY)
    state.preferences = dataclasses.replace(state.preferences, muted=frozenset({GARDEN}))
    changed = state.room(GARDEN)
    assert changed is not None
    assert changed.muted


def test_a_late_event_does_not_change_the_number_of_members(state: State) -> None:
    """An encrypted room may store a later event first; its number holds."""
    state.apply(event(3, Left(members=1)), mention=False)
    assert state.apply(event(2, Joined(members=3)), mention=False) is Effect.NOTHING
    room = state.room(LOBBY)
    assert room is not None
    assert room.members == 1


def test_what_a_view_shows_besides_counts_is_another_effect(state: State) -> None:
    """A topic, withheld events that are shown after all, another time for which messages are kept."""
    later = Millis(2)
    assert state.apply(event(2, TopicSet(topic=TopicText.parse("bees"))), mention=False) is Effect.ROOM
    state.apply(event(3, RetentionSet(7, later)), mention=False)
    message = event(4, Message(MessageText("hello")))
    assert state.apply(message, mention=False) is Effect.COUNTS
    assert state.apply(replace(message, seq=Seq(5), at=later), mention=False) is Effect.ROOM
    assert state.apply(replace(message, seq=Seq(6), at=later), mention=False) is Effect.COUNTS
    state.withhold(LOBBY, Seq(6), Seq(7))
    assert state.apply(replace(message, seq=Seq(7), at=later), mention=False) is Effect.ROOM


def test_the_room_with_oneself_is_listed_once_something_is_written(state: State) -> None:
    """Its first message changes the list, the next only its counts."""
    server = FakeServer()
    server.add_room(GARDEN, "garden")
    state.update(replace(server.summary(GARDEN), kind=RoomKind.DIRECT, name=None, peer=ALICE))
    assert [room.id for room in state.listed] == [LOBBY]
    note = replace(event(8, Message(MessageText("note to self")), ALICE), room=GARDEN)
    assert state.apply(note, mention=False) is Effect.ROOM
    assert {room.id for room in state.listed} == {LOBBY, GARDEN}
    assert state.apply(replace(note, seq=Seq(9)), mention=False) is Effect.COUNTS


def test_topic_and_role_follow_the_log(state: State) -> None:
    """A role is taken over when it is ours."""
    state.apply(event(2, TopicSet(topic=TopicText.parse("bees"))), mention=False)
    state.apply(event(3, RoleSet(who=BOB, role=Role.OWNER)), mention=False)
    state.apply(event(4, RoleSet(who=ALICE, role=Role.MODERATOR)), mention=False)
    room = state.room(LOBBY)
    assert room is not None
    assert (room.topic, room.role) == ("bees", Role.MODERATOR)


def test_retention_follows_the_log(state: State) -> None:
    """An announced change is the next one; one whose time has come applies at once.

    What the shorter one may have removed until then stays removed, also when all is kept again.
    """
    later = Millis(BEGIN + 1_000)  # this device's clock is behind the server's, whose events say what applies
    removed = Millis(later - 7 * 86_400_000)
    for seq, body, shown in (
        (2, RetentionSet(7, later), Retention(next_days=7, next_from=later)),
        (3, RetentionSet(30, later), Retention(days=30, removed_before=removed)),
        (4, RetentionSet(None, later), Retention(removed_before=removed)),
    ):
        at = Millis(1) if seq == 2 else later
        state.apply(replace(event(seq, body), at=at), mention=False)
        room = state.room(LOBBY)
        assert room is not None
        assert room.retention == shown


def test_an_archived_room_can_be_made_active_again(state: State) -> None:
    """Both are events of its log."""
    for seq, on in ((2, True), (3, False)):
        state.apply(event(seq, Archived(on)), mention=False)
        room = state.room(LOBBY)
        assert room is not None
        assert room.archived is on


def test_what_is_known_changes_nothing(state: State) -> None:
    """An event at or below the head, or of a room that was left, is not applied again."""
    assert state.apply(event(1, Joined()), mention=False) is Effect.NOTHING
    state.forget(LOBBY)
    assert state.apply(event(2, Joined()), mention=False) is Effect.NOTHING


@pytest.mark.parametrize("text", ["@alice", "hi @ALICE!", "(@alice)", "@alice.", "a\n@alice: yes"])
def test_a_mention_is_a_word_of_its_own(state: State, text: str) -> None:
    """`@alice` names alice, however it is written."""
    assert state.names_me(Message(text=MessageText.parse(text)))


@pytest.mark.parametrize(
    "text", ["alice", "@alicex", "mail@alice", "@alice-b", "@alice.b", "@@alice", "@bob"]
)
def test_what_is_no_mention(state: State, text: str) -> None:
    """Another name, or an address, does not."""
    assert not state.names_me(Message(text=MessageText.parse(text)))
