"""What events mean for members, bans, mutes, roles, topic and deleted messages."""

from tests.server.chat.store.world import World, allow, message

from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Blank,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    MembershipChange,
    Message,
    Muted,
    Reacted,
    RoleSet,
    TopicSet,
    Unbanned,
    Unmuted,
)
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.types import Membership


async def member(world: World, room: RoomId, user: UserName) -> Membership | None:
    """Return what someone is in a room."""
    return await world.store.rooms.membership(room, user)


async def count(world: World, room: RoomId, user: UserName) -> int:
    """Return how many members the room says it has."""
    summary = await world.store.rooms.summary(room, user)
    assert summary is not None
    return summary.members


async def test_people_come_and_go(world: World) -> None:
    """Joining, being added, leaving and being kicked change who is in the room, and how many."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice)
    await world.append(room, bob, Joined())
    await world.append(room, alice, Added(carol))
    assert await member(world, room, bob) == Membership(bob, Role.MEMBER)
    assert await member(world, room, carol) == Membership(carol, Role.MEMBER)
    assert await count(world, room, alice) == 3
    await world.append(room, bob, Left())
    await world.append(room, alice, Kicked(carol))
    assert await member(world, room, bob) is None
    assert await member(world, room, carol) is None
    assert await count(world, room, alice) == 1


async def test_joining_and_leaving_events_count_the_members(world: World) -> None:
    """The event carries the number of members after it, also where it changes nothing: a ban after a kick."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice)
    steps: list[tuple[UserName, Joined | Added | Left | Kicked | Banned]] = [
        (bob, Joined()),
        (alice, Added(carol)),
        (alice, Kicked(bob)),
        (alice, Banned(bob)),
        (alice, Banned(bob, until=Millis(5))),
        (carol, Left()),
    ]
    reported = []
    for author, body in steps:
        stored = (await world.append(room, author, body)).entry.body
        assert isinstance(stored, MembershipChange)
        reported.append((stored.members, await count(world, room, alice)))
    assert reported == [(2, 2), (3, 3), (2, 2), (2, 2), (2, 2), (1, 1)]
    page, *_ = await world.store.log.page(room, after=None, before=None, limit=10, max_bytes=10_000)
    assert [one.body.members for one in page if isinstance(one.body, MembershipChange)] == [2, 3, 2, 2, 2, 1]


async def test_a_repeated_request_is_known_whatever_number_was_stored(world: World) -> None:
    """The number of members is the store's word, and no part of what was asked for."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    event = world.event(room, bob, Joined())
    first = await world.store.log.append(event, allow)
    again = await world.store.log.append(event, allow)
    assert (again.replay, again.entry) == (True, first.entry)


async def test_a_member_counts_once(world: World) -> None:
    """Events that a member's joining or leaving twice would make do not make the count wrong."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, bob, Joined())
    assert await count(world, room, alice) == 2
    await world.append(room, bob, Left())
    await world.append(room, bob, Left())
    assert await count(world, room, alice) == 1


async def test_a_ban_puts_out_and_stays(world: World) -> None:
    """A ban ends the membership and stays a fact about the person, until it is lifted."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, alice, Banned(bob))
    assert await member(world, room, bob) is None
    assert (await world.facts(room, bob, message())).author_banned_until == 0
    await world.append(room, alice, Banned(bob, until=Millis(77)))
    assert (await world.facts(room, bob, message())).author_banned_until == 77
    await world.append(room, alice, Unbanned(bob))
    assert (await world.facts(room, bob, message())).author_banned_until is None


async def test_someone_added_again_is_not_banned(world: World) -> None:
    """A ban that has run out is forgotten when the person comes back."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    for entering in (world.event(room, bob, Joined()), world.event(room, alice, Added(bob))):
        await world.append(room, alice, Banned(bob, until=Millis(1)))
        await world.store.log.append(entering, allow)
        assert (await world.facts(room, bob, message())).author_banned_until is None


async def test_a_mute_outlives_leaving(world: World) -> None:
    """Leaving a room and coming back does not end a mute (evasion); unmuting does."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, alice, Muted(bob))
    await world.append(room, bob, Left())
    await world.append(room, bob, Joined())
    assert await member(world, room, bob) == Membership(bob, Role.MEMBER, Millis(0))
    await world.append(room, alice, Muted(bob, until=Millis(99)))
    assert await member(world, room, bob) == Membership(bob, Role.MEMBER, Millis(99))
    await world.append(room, alice, Unmuted(bob))
    assert await member(world, room, bob) == Membership(bob, Role.MEMBER)


async def test_topic_and_role_are_as_the_log_says(world: World) -> None:
    """The newest topic and role are what the room and its members have."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, alice, TopicSet(TopicText.parse("tea")))
    await world.append(room, alice, RoleSet(bob, Role.MODERATOR))
    summary = await world.store.rooms.summary(room, bob)
    assert summary is not None
    assert (summary.topic, summary.role) == ("tea", Role.MODERATOR)


async def test_the_last_owners_leaving_makes_an_heir(world: World) -> None:
    """The moderator who is longest in the room becomes owner, and the log shows it after the leaving."""
    alice, bob, carol, dave = await world.people(4)
    room = await world.room(alice, bob, carol, dave)
    await world.append(room, alice, RoleSet(dave, Role.MODERATOR))
    await world.append(room, alice, RoleSet(carol, Role.MODERATOR))
    left = await world.append(room, alice, Left())
    assert await member(world, room, carol) == Membership(carol, Role.OWNER)
    assert await member(world, room, dave) == Membership(dave, Role.MODERATOR)
    assert [event.body for event in left.also] == [RoleSet(carol, Role.OWNER)]
    assert (await world.events(room))[-2:] == [left.entry, *left.also]


async def test_without_moderators_a_member_becomes_owner(world: World) -> None:
    """Whatever takes the last owner away, the member who is longest in the room becomes owner."""
    alice, bob, carol = await world.people(3)
    losses: list[tuple[UserName, AnyBody]] = [
        (alice, Left()),
        (bob, Kicked(alice)),
        (bob, Banned(alice)),
        (alice, RoleSet(alice, Role.MEMBER)),
    ]
    for author, body in losses:
        room = await world.room(alice, carol, bob)
        appended = await world.append(room, author, body)
        heir = alice if isinstance(body, RoleSet) else carol
        assert [event.body for event in appended.also] == [RoleSet(heir, Role.OWNER)]
        assert (await world.facts(room, carol, Left())).owners == 1


async def test_another_owner_needs_no_heir(world: World) -> None:
    """While an owner is left, no one becomes one."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob, carol)
    await world.append(room, alice, RoleSet(bob, Role.OWNER))
    assert (await world.append(room, alice, Left())).also == ()
    assert await member(world, room, carol) == Membership(carol, Role.MEMBER)


async def test_an_empty_room_belongs_to_who_enters_it(world: World) -> None:
    """An empty room gets no owner; the next person who joins becomes owner."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    assert (await world.append(room, alice, Left())).also == ()
    joined = await world.append(room, bob, Joined())
    assert [event.body for event in joined.also] == [RoleSet(bob, Role.OWNER)]
    assert await member(world, room, bob) == Membership(bob, Role.OWNER)


async def test_deleting_blanks_the_message_its_edits_and_its_reactions(world: World) -> None:
    """After a deletion only blanks are left of everything about the message, and of nothing else."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    kept = await world.append(room, alice, message("kept"))
    target = await world.append(room, alice, message("secret"))
    seq = target.entry.seq
    about: list[AnyBody] = [
        Edited(seq, MessageText("secret too")),
        Reacted(seq, Reaction("heart"), on=True),
        Reacted(seq, Reaction("heart"), on=False),
    ]
    for body in about:
        await world.append(room, alice, body)
    other = await world.append(room, bob, Edited(kept.entry.seq, MessageText("kept too")))
    deleted = await world.append(room, alice, Deleted(seq))
    bodies = [event.body for event in await world.events(room)][2:]
    assert bodies == [
        kept.entry.body,
        Blank("message"),
        Blank("edited"),
        Blank("reacted"),
        Blank("reacted"),
        other.entry.body,
        deleted.entry.body,
    ]


async def test_a_deleted_message_is_a_blank_target_without_reactions(world: World) -> None:
    """A decision about a deleted message sees that it is blank, and no reaction on it."""
    alice = await world.account("alice")
    room = await world.room(alice)
    heart = Reacted(Seq(2), Reaction("heart"), on=True)
    await world.append(room, alice, message())
    await world.append(room, alice, heart)
    await world.append(room, alice, Deleted(Seq(2)))
    target = (await world.facts(room, alice, heart)).target
    assert target is not None
    assert (target.kind, target.reactions, target.has_reaction) == ("blank", 0, False)


async def test_repeating_the_request_of_a_deleted_message_gives_the_blank(world: World) -> None:
    """A late retry of a deleted message does not say it again, and does not bring its text back."""
    alice = await world.account("alice")
    room = await world.room(alice)
    event = world.event(room, alice, message("secret"))
    await world.store.log.append(event, allow)
    await world.append(room, alice, Deleted(Seq(2)))
    again = await world.store.log.append(event, allow)
    assert again.replay
    assert again.entry.body == Blank("message")


async def test_deleting_twice_keeps_what_was(world: World) -> None:
    """Deleting a blank again does not change what it says that it was."""
    alice = await world.account("alice")
    room = await world.room(alice)
    await world.append(room, alice, message())
    await world.append(room, alice, Deleted(Seq(2)))
    await world.append(room, alice, Deleted(Seq(2)))
    assert (await world.events(room))[1].body == Blank("message")


async def test_edits_leave_the_first_text_in_the_log(world: World) -> None:
    """An edit is an event of its own; the message it is about stays as it was."""
    alice = await world.account("alice")
    room = await world.room(alice)
    await world.append(room, alice, message("first"))
    await world.append(room, alice, Edited(Seq(2), MessageText("second")))
    assert (await world.events(room))[1].body == Message(MessageText("first"))


async def test_read_markers_begin_where_people_enter(world: World) -> None:
    """Who joins has read what was there; who is added has not read that they were."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, kind=RoomKind.PRIVATE)
    await world.append(room, bob, Joined())
    await world.append(room, alice, Added(carol))
    read = []
    for user in (alice, bob, carol):
        summary = await world.store.rooms.summary(room, user)
        assert summary is not None
        read.append(summary.read)
    assert read == [1, 2, 2]
