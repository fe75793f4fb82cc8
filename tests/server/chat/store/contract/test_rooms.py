"""Making rooms, finding them, listing who is in them, and read markers."""

import asyncio
from dataclasses import replace

import pytest
from tests.server.chat.store.world import World, allow, message
from tests.server.core.store.world import log_in

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Added, Created, Joined, TopicSet
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import RoomListing, RoomSummary
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import Seq, new_request_id, new_session_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.limits import ROOMS_PER_USER
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.types import Membership
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import NameTakenError, RefusedError


async def test_a_new_room_has_its_first_events(world: World) -> None:
    """A room begins with ``created`` and, with a topic, ``topic``; its maker owns it and has read them."""
    alice = await world.account("alice")
    new = world.new_room(alice, "kitchen", topic="tea")
    room, events, _ = await world.store.rooms.create(new)
    assert room == new.room
    assert [event.body for event in events] == [
        Created(RoomKind.PUBLIC, parse_room_name("kitchen")),
        TopicSet(TopicText("tea")),
    ]
    assert list(events) == await world.events(room)
    assert await world.store.rooms.summary(room, alice) == RoomSummary(
        room=room,
        kind=RoomKind.PUBLIC,
        role=Role.OWNER,
        head=Seq(2),
        read=Seq(2),
        members=1,
        name=parse_room_name("kitchen"),
        topic=TopicText("tea"),
    )


async def test_making_a_room_twice_makes_it_once(world: World) -> None:
    """The same request again gives the same room and no events, also when both run at once."""
    alice = await world.account("alice")
    new = world.new_room(alice, "kitchen", topic="tea")
    again = replace(new, room=new_room_id())
    made = await asyncio.gather(*(world.store.rooms.create(each) for each in (new, again)))
    assert [room for room, *_ in made] == [new.room, new.room]
    assert [len(events) for _, events, _ in made] == [2, 0]


async def test_a_request_of_another_room_is_a_conflict(world: World) -> None:
    """A request id that made another room, or anything else, makes no second one."""
    alice, bob = await world.people(2)
    first = world.new_room(alice, "kitchen")
    room, *_ = await world.store.rooms.create(first)
    sent = world.event(room, alice, message())
    await world.store.log.append(sent, allow)
    others = [
        replace(world.new_room(alice, "garden"), request=first.request),
        replace(world.new_room(alice, "garden"), request=sent.request),
        replace(world.new_direct(alice, bob), request=first.request),
    ]
    for other in others:
        with pytest.raises(RefusedError) as refused:
            await world.store.rooms.create(other)
        assert refused.value.code is ErrorCode.CONFLICT
    assert len(await world.store.rooms.summaries(alice)) == 1


async def test_names_and_skeletons_are_unique(world: World) -> None:
    """Neither a public room's name nor one that looks like it can be taken twice."""
    alice, bob = await world.people(2)
    await world.store.rooms.create(world.new_room(alice, "kitchen"))
    same = world.new_room(bob, "kitchen", RoomKind.PRIVATE)
    alike = world.new_room(bob, "kltchen")
    for new in (same, alike):
        with pytest.raises(NameTakenError):
            await world.store.rooms.create(new)
    assert await world.store.rooms.summaries(bob) == []


async def test_private_names_are_not_revealed(world: World) -> None:
    """L15: someone outside a private room can use its name, even for a public room; its members cannot."""
    alice, bob, carol = await world.people(3)
    theirs, *_ = await world.store.rooms.create(world.new_room(alice, "kitchen", RoomKind.PRIVATE))
    await world.append(theirs, carol, Joined())
    mine, events, _ = await world.store.rooms.create(world.new_room(bob, "kitchen", RoomKind.PRIVATE))
    assert (len(events), mine != theirs) == (1, True)
    for member in (alice, carol):
        with pytest.raises(NameTakenError):
            await world.store.rooms.create(world.new_room(member, "kitchen", RoomKind.PRIVATE))
    other = await world.account("dave")
    listed, *_ = await world.store.rooms.create(world.new_room(other, "kitchen"))
    assert await world.store.rooms.find_public(parse_room_name("kitchen")) == listed
    assert await world.store.rooms.find_named(parse_room_name("kitchen")) == sorted([theirs, mine, listed])


async def test_two_people_have_one_direct_room(world: World) -> None:
    """A pair has one room, opened by either; both are owners, and it has no name."""
    alice, bob = await world.people(2)
    opened = await asyncio.gather(
        world.store.rooms.create(world.new_direct(bob, alice)),
        world.store.rooms.create(world.new_direct(alice, bob)),
    )
    assert opened[0][0] == opened[1][0]
    assert [len(events) for _, events, _ in opened] == [1, 0]
    for user, peer in ((alice, bob), (bob, alice)):
        (summary,) = await world.store.rooms.summaries(user)
        assert (summary.kind, summary.role, summary.peer, summary.name) == (
            RoomKind.DIRECT,
            Role.OWNER,
            peer,
            None,
        )
        assert summary.members == 2


async def test_a_direct_room_is_with_someone_who_exists(world: World) -> None:
    """There is none with a name that no one has."""
    alice = await world.account("alice")
    with pytest.raises(RefusedError) as refused:
        await world.store.rooms.create(world.new_direct(alice, parse_user_name("zoe")))
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_the_direct_room_with_oneself_has_one_member(world: World) -> None:
    """Notes, and messages between one's own devices: one room, opened by any of them."""
    alice = await world.account("alice")
    room, *_ = await world.store.rooms.create(world.new_direct(alice, alice))
    again, events, _ = await world.store.rooms.create(world.new_direct(alice, alice))
    (summary,) = await world.store.rooms.summaries(alice)
    assert (again, events) == (room, ())
    assert (summary.room, summary.peer, summary.members, summary.role) == (room, alice, 1, Role.OWNER)


async def test_a_room_is_encrypted_from_the_start_or_not(world: World) -> None:
    """It is in its first event, in the summary and in the directory."""
    alice = await world.account("alice")
    for name, encrypted in (("open", False), ("sealed", True)):
        new = replace(world.new_room(alice, name), encrypted=encrypted)
        room, (created,), _ = await world.store.rooms.create(new)
        summary = await world.store.rooms.summary(room, alice)
        assert isinstance(created.body, Created)
        assert summary is not None
        assert created.body.encrypted is summary.encrypted is encrypted
        assert (await world.store.rooms.create(new))[0] == room
    listed, _ = await world.store.rooms.directory(after=None, limit=10)
    assert [(listing.name, listing.encrypted) for listing in listed] == [("open", False), ("sealed", True)]


async def test_too_many_rooms_are_refused(world: World) -> None:
    """At the limit no one makes another room; what others open with someone does not count for them."""
    alice, bob = await world.people(2)
    last = None
    for number in range(ROOMS_PER_USER.value):
        last = world.new_room(alice, f"room{number}")
        await world.store.rooms.create(last)
    for new in (world.new_room(alice, "more"), world.new_direct(alice, bob)):
        with pytest.raises(RefusedError) as refused:
            await world.store.rooms.create(new)
        assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert last is not None
    assert (await world.store.rooms.create(last))[:2] == (last.room, ())
    opened, events, _ = await world.store.rooms.create(world.new_direct(bob, alice))
    assert len(events) == 1
    with pytest.raises(RefusedError) as refused:  # opening it herself would be a yes
        await world.store.rooms.create(world.new_direct(alice, bob))
    assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert (await world.store.rooms.membership(opened, alice)) == Membership(alice, Role.OWNER, asked=True)


async def test_summaries_are_of_ones_own_rooms(world: World) -> None:
    """A user sees the rooms they are in, and nothing of the others."""
    alice, bob = await world.people(2)
    first, second = await world.room(alice), await world.room(alice, bob)
    assert {summary.room for summary in await world.store.rooms.summaries(alice)} == {first, second}
    assert [summary.room for summary in await world.store.rooms.summaries(bob)] == [second]
    assert await world.store.rooms.summary(first, bob) is None
    assert await world.store.rooms.membership(first, bob) is None
    assert await world.store.rooms.membership(second, bob) == Membership(bob, Role.MEMBER)


async def test_a_greeting_reads_rooms_for_a_session_that_lives(world: World) -> None:
    """S1, S3: the same rooms for a live session; none for one that ended, expired, or never was."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    session, other = world.session(bob, 1), world.session(bob, 2)
    for each in (session, other):
        await log_in(world.store, each, cap=2)
    now = world.clock.now()
    found = await world.store.rooms.greeting(bob, session.id, now)
    assert found is not None
    assert ([summary.room for summary in found.rooms], found.invitations) == ([room], 0)
    assert await world.store.rooms.greeting(bob, session.id, session.expires) is None
    assert await world.store.rooms.greeting(bob, new_session_id(), now) is None
    await world.store.sessions.end(ByOperator(bob), session.id)
    assert await world.store.rooms.greeting(bob, session.id, now) is None
    assert await world.store.rooms.greeting(bob, other.id, now) is not None


async def test_members_are_listed_by_name_page_by_page(world: World) -> None:
    """Members are listed in order of name, after a name, with whether more follow."""
    people = await world.people(5)
    room = await world.room(people[3], people[1], people[4], people[0])
    present = [people[0], people[1], people[3], people[4]]
    found, more = await world.store.rooms.members(room, after=None, limit=4)
    assert ([each.user for each in found], more) == (present, False)
    found, more = await world.store.rooms.members(room, after=people[0], limit=2)
    assert ([each.user for each in found], more) == (present[1:3], True)
    found, more = await world.store.rooms.members(room, after=people[2], limit=2)
    assert ([(each.user, each.role) for each in found], more) == (
        [(people[3], Role.OWNER), (people[4], Role.MEMBER)],
        False,
    )


async def test_the_directory_lists_only_public_rooms(world: World) -> None:
    """Public rooms are listed in order of name, without private and direct ones."""
    alice, bob = await world.people(2)
    for name in ("pantry", "garden", "kitchen"):
        await world.store.rooms.create(world.new_room(alice, name, topic=f"the {name}"))
    await world.store.rooms.create(world.new_room(alice, "hidden", RoomKind.PRIVATE))
    await world.store.rooms.create(world.new_direct(alice, bob))
    found, more = await world.store.rooms.directory(after=None, limit=2)
    assert ([each.name for each in found], more) == (["garden", "kitchen"], True)
    found, more = await world.store.rooms.directory(after=parse_room_name("kitchen"), limit=2)
    room = await world.store.rooms.find_public(parse_room_name("pantry"))
    assert room is not None
    assert found == [RoomListing(room, parse_room_name("pantry"), 1, TopicText("the pantry"))]
    assert not more


async def test_rooms_are_found_by_name(world: World) -> None:
    """A public room is found by its exact name; a private one only by the operator."""
    alice = await world.account("alice")
    room, *_ = await world.store.rooms.create(world.new_room(alice, "hidden", RoomKind.PRIVATE))
    assert await world.store.rooms.find_public(parse_room_name("hidden")) is None
    assert await world.store.rooms.find_named(parse_room_name("hidden")) == [room]
    assert await world.store.rooms.find_named(parse_room_name("kitchen")) == []


async def test_the_read_marker_moves_within_the_log(world: World) -> None:
    """It may go forward and back, but not beyond the newest event, and not for someone outside."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice)
    await world.append(room, alice, Added(bob))
    for seq in (2, 0, 1):
        assert await world.store.rooms.mark_read(await world.by(bob), room, Seq(seq))
        summary = await world.store.rooms.summary(room, bob)
        assert summary is not None
        assert summary.read == seq
    assert not await world.store.rooms.mark_read(await world.by(bob), room, Seq(3))
    assert not await world.store.rooms.mark_read(await world.by(carol), room, Seq(1))
    assert not await world.store.rooms.mark_read(await world.by(bob), new_room_id(), Seq(0))
    summary = await world.store.rooms.summary(room, bob)
    assert summary is not None
    assert summary.read == 1


async def test_a_refused_room_leaves_its_name_free(world: World) -> None:
    """After a refusal the name, the skeleton and the request can be used."""
    alice = await world.account("alice")
    taken = world.new_room(alice, "kitchen")
    await world.store.rooms.create(taken)
    request = new_request_id()
    with pytest.raises(NameTakenError):
        await world.store.rooms.create(replace(world.new_room(alice, "kitchen"), request=request))
    room, events, _ = await world.store.rooms.create(
        replace(world.new_room(alice, "garden"), request=request)
    )
    assert len(events) == 1
    assert await world.store.rooms.find_public(parse_room_name("garden")) == room
