"""Invitations, direct rooms that wait for a yes, and blocks: what each person is shown, and what counts."""

import asyncio

import pytest
from tests.protocol.identity.signing import NOW, SERVER
from tests.protocol.membership.people import account, carried
from tests.server.chat.store.world import World, message
from tests.server.core.store.world import log_in

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Invited,
    Joined,
    Kicked,
    Left,
    RoleSet,
    Uninvited,
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Invitation
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.limits import (
    BLOCKED_PEOPLE,
    DIRECT_REQUESTS,
    INVITATION_AGAIN_HOURS,
    INVITATION_DAYS,
    INVITATIONS_FOR_PERSON,
    ROOMS_PER_USER,
)
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Withdraw,
    digest_of,
    new_admission_id,
    read_again,
)
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.capabilities.online_status.shared_rooms import shared_by
from parlour_server.chat.store.types import RoomFacts
from parlour_server.core.errors import RefusedError

DAY = 86_400


async def shown(world: World, user: UserName) -> list[RoomId]:
    """Return the rooms that someone is shown invitations into."""
    found, more = await world.store.consent.invitations(user, after=None, limit=1000)
    assert not more
    return [one.room for one in found]


async def decided_by(world: World, room: RoomId, author: UserName, body: AnyBody) -> RoomFacts:
    """Return what an event would be decided by, without making it."""
    seen: list[RoomFacts] = []

    def decide(_event: object, facts: RoomFacts) -> None:
        seen.append(facts)
        raise RefusedError(ErrorCode.FORBIDDEN)

    with pytest.raises(RefusedError):
        await world.store.log.append(world.event(room, author, body), decide)
    return seen[0]


async def of_inviter(world: World, room: RoomId, inviter: UserName, who: UserName) -> RoomFacts:
    """Return what a further invitation by the same person would be decided by."""
    return await decided_by(world, room, inviter, Invited(who))


async def test_an_invited_person_is_no_member(world: World) -> None:
    """They see who invited them into what, and nothing of the room; accepting makes them a member."""
    alice, bob = await world.people(2)
    room = await world.room(alice, kind=RoomKind.PRIVATE)
    await world.append(room, alice, Invited(bob))
    at = world.clock.now()
    expected = Invitation(
        room=room,
        kind=RoomKind.PRIVATE,
        name=(await world.store.rooms.summaries(alice))[0].name,  # type: ignore[arg-type]  # it has one
        inviter=alice,
        at=at,
        expires=at + INVITATION_DAYS.value * DAY * 1000,  # type: ignore[arg-type]  # Millis
    )
    assert await world.store.consent.invitations(bob, after=None, limit=9) == ([expected], False)
    assert await world.store.consent.invitation(room, bob) == expected
    for seen in (await world.store.rooms.summary(room, bob), await world.store.rooms.membership(room, bob)):
        assert seen is None
    assert await world.store.rooms.summaries(bob) == []
    members, _ = await world.store.rooms.members(room, after=None, limit=9)
    assert [member.user for member in members] == [alice]
    assert (await world.facts(room, bob, Joined())).author_invited
    assert await shown(world, bob) == []
    assert await world.store.rooms.summary(room, bob) is not None


def signed(act: AnyAct, by: str) -> StatementBytes:
    """Return what someone's device signed."""
    return StatementBytes(carried(act, by))


def admission_of(room: RoomId, user: UserName, by: UserName) -> StatementBytes:
    """Return an admission."""
    key, end = account(str(user)), Millis(NOW + 1)
    act = Admit(SERVER, room, 0, NOW, user, key, bytes(32), NEVER_REMOVED, new_admission_id(), end)
    return signed(act, by)


def acceptance_of(admission: StatementBytes) -> StatementBytes:
    """Return the acceptance of an admission."""
    act = read_again(admission).act
    return signed(Accept(SERVER, act.room, 0, NOW, act.who, digest_of(admission)), str(act.who))


def withdrawal_of(admission: StatementBytes, by: UserName) -> StatementBytes:
    """Return the withdrawal of an admission."""
    act = read_again(admission).act
    return signed(Withdraw(SERVER, act.room, 0, NOW, act.who, bytes(admission)), by)


async def test_the_admission_that_someone_accepts_comes_with_them(world: World) -> None:
    """Members who were not there when it was signed find both; asking twice changes nothing."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, carol)
    old, new = admission_of(room, bob, alice), admission_of(room, bob, carol)
    await world.append(room, alice, Invited(bob, old))
    world.clock.forward(1)
    await world.append(room, carol, Invited(bob, new))
    newest = await world.store.consent.invitation(room, bob)
    assert newest is not None
    assert newest.statement == new
    accepting = Joined(acceptance=acceptance_of(old))
    assert (await decided_by(world, room, bob, accepting)).admission == old
    assert (await decided_by(world, room, bob, Joined())).admission is None
    entering = world.event(room, bob, accepting)
    for _ in range(2):
        appended = await world.store.log.append(entering, lambda _event, _facts: None)
        assert isinstance(appended.entry.body, Joined)
        assert (appended.entry.body.statement, appended.entry.body.acceptance) == (old, accepting.acceptance)
    await world.append(room, bob, Left())
    assert (await decided_by(world, room, bob, accepting)).admission is None


async def test_a_signed_withdrawal_is_about_one_admission(world: World) -> None:
    """Another one stays; one of an admission that the server does not know withdraws nothing."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, carol)
    first, second = admission_of(room, bob, alice), admission_of(room, bob, carol)
    await world.append(room, alice, Invited(bob, first))
    await world.append(room, carol, Invited(bob, second))
    unknown = withdrawal_of(admission_of(room, bob, carol), carol)
    await world.append(room, alice, Uninvited(bob, unknown))
    facts = await decided_by(world, room, alice, Uninvited(bob))
    assert (facts.admitted_by_author, facts.subject_admitted) == (True, True)
    await world.append(room, alice, Uninvited(bob, withdrawal_of(second, carol)))
    assert (await decided_by(world, room, bob, Joined(acceptance=acceptance_of(second)))).admission is None
    assert (await decided_by(world, room, bob, Joined(acceptance=acceptance_of(first)))).admission == first
    await world.append(room, alice, Uninvited(bob, withdrawal_of(first, alice)))
    facts = await decided_by(world, room, alice, Uninvited(bob))
    assert (facts.admitted_by_author, facts.subject_admitted) == (False, False)
    assert await shown(world, bob) == []


async def test_a_withdrawal_that_crosses_the_acceptance_ends_the_membership(world: World) -> None:
    """The members' devices remove the person, so they are no member of the server's, either."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, carol)
    first, second = admission_of(room, bob, alice), admission_of(room, bob, carol)
    await world.append(room, alice, Invited(bob, first))
    await world.append(room, bob, Joined(acceptance=acceptance_of(first)))
    other = await world.append(room, alice, Uninvited(bob, withdrawal_of(second, carol)))
    assert other.also == ()
    withdrawal = withdrawal_of(first, alice)
    late = await world.append(room, alice, Uninvited(bob, withdrawal))
    assert [event.body for event in late.also] == [Kicked(bob, members=2, statement=withdrawal)]
    assert await world.store.rooms.membership(room, bob) is None
    await world.append(room, carol, Invited(bob, second))
    await world.append(room, bob, Joined(acceptance=acceptance_of(second)))
    await world.append(room, alice, RoleSet(bob, Role.MODERATOR))
    settled = await world.append(room, carol, Uninvited(bob, withdrawal_of(second, carol)))
    assert settled.also == ()
    assert await world.store.rooms.membership(room, bob) is not None


async def test_someone_who_is_a_member_accepts_again(world: World) -> None:
    """They stay what they are: their first acceptance was void for the other members."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob)
    await world.append(room, alice, RoleSet(bob, Role.MODERATOR))
    admission = admission_of(room, bob, alice)
    await world.append(room, alice, Invited(bob, admission))
    event = await world.append(room, bob, Joined(acceptance=acceptance_of(admission)))
    assert isinstance(event.entry.body, Joined)
    assert event.entry.body.members == 2
    member = await world.store.rooms.membership(room, bob)
    assert member is not None
    assert member.role is Role.MODERATOR
    gone = await world.append(room, alice, Kicked(carol))  # not in the room by the server's list
    assert isinstance(gone.entry.body, Kicked)
    assert gone.entry.body.members == 2


async def test_a_declined_invitation_looks_to_its_inviter_like_one_that_waits(world: World) -> None:
    """L14: the same facts decide about the next one, until it ends; and for so long it is not shown again."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    await world.append(room, alice, Invited(bob))
    before = await of_inviter(world, room, alice, bob)
    assert await world.store.consent.decline(await world.by(bob), room)
    assert not await world.store.consent.decline(await world.by(bob), room)
    assert await of_inviter(world, room, alice, bob) == before
    assert (before.subject_invited, before.invited_by_author, before.invitations_of_author) == (True, True, 1)
    assert await shown(world, bob) == []
    world.clock.forward(DAY)
    await world.append(room, alice, Uninvited(bob))
    world.clock.forward(INVITATION_AGAIN_HOURS.value * 3600)
    await world.append(room, alice, Invited(bob))
    assert await shown(world, bob) == []
    world.clock.forward((INVITATION_DAYS.value - 2) * DAY)
    assert await shown(world, bob) == [room]


async def test_an_invitation_ends(world: World) -> None:
    """By itself, when it is taken back, or when its inviter or its person may not be there any more."""
    alice, bob, carol, dave = await world.people(4)
    room = await world.room(alice, carol, dave)
    await world.append(room, alice, Invited(bob))
    world.clock.forward(INVITATION_DAYS.value * DAY)
    assert await shown(world, bob) == []
    assert not (await of_inviter(world, room, alice, bob)).subject_invited
    for end in (Uninvited(bob), Left(), Kicked(carol), Banned(bob)):
        await world.append(room, carol, Invited(bob))
        assert await shown(world, bob) == [room]
        await world.append(room, carol if isinstance(end, Left | Uninvited) else alice, end)
        assert await shown(world, bob) == [], end
        facts = await of_inviter(world, room, alice, bob)
        assert not facts.subject_invited, end
        if isinstance(end, Left | Kicked):
            await world.append(room, carol, Joined())


async def test_who_takes_back_whose(world: World) -> None:
    """A member takes their own back, a moderator everyone's."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, carol)
    for inviter in (alice, carol):
        await world.append(room, inviter, Invited(bob))
    await world.append(room, carol, Uninvited(bob))
    assert await shown(world, bob) == [room]
    facts = await of_inviter(world, room, carol, bob)
    assert (facts.subject_invited, facts.invited_by_author) == (True, False)
    assert facts.invite_again == world.clock.now() + INVITATION_AGAIN_HOURS.value * 3_600_000
    world.clock.forward(2 * DAY)
    await world.append(room, carol, Invited(bob))
    await world.append(room, alice, RoleSet(carol, Role.MODERATOR))
    await world.append(room, carol, Uninvited(bob))
    assert await shown(world, bob) == []


async def test_a_blocked_inviter_learns_nothing(world: World) -> None:
    """L14: blocked before or after, the facts are those of an invitation that waits; others get through."""
    alice, bob, carol, dave = await world.people(4)
    first, second = await world.room(alice, carol), await world.room(alice)
    await world.append(first, alice, Invited(bob))
    await world.append(first, alice, Invited(dave))
    assert await world.store.consent.block(await world.by(bob), alice, on=True) == [first]
    await world.append(second, alice, Invited(bob))
    await world.append(second, alice, Invited(dave))
    assert await shown(world, bob) == []
    for room in (first, second):
        assert await of_inviter(world, room, alice, bob) == await of_inviter(world, room, alice, dave)
    await world.append(first, carol, Invited(bob))
    found = await world.store.consent.invitation(first, bob)
    assert found is not None
    assert found.inviter == carol
    assert await world.store.consent.blocked(bob, after=None, limit=9) == ([alice], False)
    assert set(await world.store.consent.block(await world.by(bob), alice, on=False)) == {first, second}
    assert set(await shown(world, bob)) == {first, second}


async def test_no_one_fills_the_list_of_another(world: World) -> None:
    """L14: over the limit, the oldest of the inviter with most is hidden; a friend's stays; none fails."""
    bob, friend, *strangers = await world.people(5)
    theirs = await world.room(friend)
    await world.append(theirs, friend, Invited(bob))
    rooms: list[tuple[UserName, RoomId]] = []
    for number in range(INVITATIONS_FOR_PERSON.value + 10):
        stranger = strangers[number % len(strangers)]
        room = await world.room(stranger)
        world.clock.forward(1)
        await world.append(room, stranger, Invited(bob))
        rooms.append((stranger, room))
    seen = await shown(world, bob)
    assert len(seen) == INVITATIONS_FOR_PERSON.value
    assert theirs in seen
    assert {room for _, room in rooms[-10:]} <= set(seen)
    inviter, dropped = rooms[0]
    assert dropped not in seen
    assert (await of_inviter(world, dropped, inviter, bob)).invited_by_author


async def test_invitations_come_page_by_page(world: World) -> None:
    """One a room, by its id; the newest inviter stands for the room."""
    alice, bob, carol = await world.people(3)
    rooms = [await world.room(alice, carol) for _ in range(5)]
    for room in rooms:
        await world.append(room, alice, Invited(bob))
    world.clock.forward(1)
    await world.append(rooms[0], carol, Invited(bob))
    pages: list[Invitation] = []
    more = True
    while more:
        after = pages[-1].room if pages else None
        page, more = await world.store.consent.invitations(bob, after=after, limit=2)
        pages += page
    assert [one.room for one in pages] == sorted(rooms)
    assert {one.room: one.inviter for one in pages} == dict.fromkeys(rooms, alice) | {rooms[0]: carol}
    session = world.session(bob, 1)
    await log_in(world.store, session, cap=9)
    greeting = await world.store.rooms.greeting(bob, session.id, world.clock.now())
    assert greeting is not None
    assert greeting.invitations == 5


async def test_invitations_of_old_logs_mean_members(world: World) -> None:
    """`added` makes a member, as it did before there were invitations, and answers what waits."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    await world.append(room, alice, Invited(bob))
    await world.append(room, alice, Added(bob))
    assert await shown(world, bob) == []
    assert await world.store.rooms.summary(room, bob) is not None


async def test_presence_is_for_rooms_that_were_accepted(world: World) -> None:
    """L14: opening a direct room with someone does not show whether they are here."""
    alice, bob, carol = await world.people(3)
    shared = await world.room(alice, bob)
    asked, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    found = await shared_by(world.store, [alice, bob, carol])
    assert sorted(found) == sorted([(alice, shared), (bob, shared), (alice, asked)])


async def test_a_direct_room_waits_for_a_yes(world: World) -> None:
    """L14: it counts only for the person who opened it; answering or opening it accepts it."""
    alice, bob, carol = await world.people(3)
    for number in range(ROOMS_PER_USER.value - 1):
        await world.store.rooms.create(world.new_room(bob, f"room{number}"))
    first, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    second, *_ = await world.store.rooms.create(world.new_direct(carol, bob))
    by_room = {room.room: room for room in await world.store.rooms.summaries(bob)}
    assert by_room[first].request
    assert by_room[second].request
    assert not (await world.store.rooms.summaries(alice))[0].request
    members, _ = await world.store.rooms.members(first, after=None, limit=9)
    assert {member.user: member.asked for member in members} == {alice: False, bob: True}
    await world.append(first, bob, message("hello"))
    summary = await world.store.rooms.summary(first, bob)
    assert summary is not None
    assert not summary.request
    for yes in (
        world.append(second, bob, message("too many")),
        world.store.consent.accept_direct(await world.by(bob), second),
        world.store.rooms.create(world.new_direct(bob, carol)),
    ):
        with pytest.raises(RefusedError) as refused:
            await yes
        assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert await world.store.consent.accept_direct(await world.by(bob), first)
    assert not await world.store.consent.accept_direct(await world.by(carol), first)


async def test_a_hidden_direct_room_is_gone_for_one_and_there_for_the_other(world: World) -> None:
    """L14: declined or blocked, its person neither sees nor writes in it; for the other it is as it was."""
    alice, bob = await world.people(2)
    room, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    before = (
        await world.store.rooms.summary(room, alice),
        await world.store.rooms.members(room, after=None, limit=9),
    )
    assert await world.store.consent.decline(await world.by(bob), room)
    assert await world.store.rooms.summaries(bob) == []
    assert await world.store.rooms.summary(room, bob) is None
    assert await world.store.rooms.membership(room, bob) is None
    assert (await world.facts(room, bob, message())).author is None
    await world.append(room, alice, message("are you there?"))
    again = (
        await world.store.rooms.summary(room, alice),
        await world.store.rooms.members(room, after=None, limit=9),
    )
    assert again[1] == before[1]
    reopened, events, _ = await world.store.rooms.create(world.new_direct(bob, alice))
    assert (reopened, events) == (room, ())
    summary = await world.store.rooms.summary(room, bob)
    assert summary is not None
    assert not summary.request
    assert await world.store.consent.block(await world.by(bob), alice, on=True) == [room]
    assert await world.store.rooms.summaries(bob) == []


async def test_a_blocked_person_opens_a_room_that_is_not_seen(world: World) -> None:
    """L14: they get the same answer as from anyone."""
    alice, bob, carol = await world.people(3)
    await world.store.consent.block(await world.by(bob), alice, on=True)
    rooms = [await world.store.rooms.create(world.new_direct(alice, peer)) for peer in (bob, carol)]
    assert [len(events) for _, events, _ in rooms] == [1, 1]
    kinds = [
        (room.kind, room.role, room.head, room.members, room.request)
        for room in await world.store.rooms.summaries(alice)
    ]
    assert kinds[0] == kinds[1]
    assert await world.store.rooms.summaries(bob) == []
    assert len(await world.store.rooms.summaries(carol)) == 1


async def test_direct_rooms_that_wait_are_few(world: World) -> None:
    """L14: a further one hides the oldest, so that no crowd of accounts fills the greeting."""
    bob, *strangers = await world.people(DIRECT_REQUESTS.value + 3)
    rooms = []
    for stranger in strangers:
        world.clock.forward(1)
        rooms.append((await world.store.rooms.create(world.new_direct(stranger, bob)))[0])
    seen = {room.room for room in await world.store.rooms.summaries(bob)}
    assert seen == set(rooms[-DIRECT_REQUESTS.value :])


async def test_blocking_has_its_rules(world: World) -> None:
    """No one blocks themselves, someone who is not there, or more people than the limit."""
    alice = await world.account("alice")
    for who, code in ((alice, ErrorCode.FORBIDDEN), (parse_user_name("zoe"), ErrorCode.NOT_FOUND)):
        with pytest.raises(RefusedError) as refused:
            await world.store.consent.block(await world.by(alice), who, on=True)
        assert refused.value.code is code
    people = await world.people(BLOCKED_PEOPLE.value + 1)
    blocking = [world.store.consent.block(await world.by(alice), person, on=True) for person in people[:-1]]
    await asyncio.gather(*blocking)
    with pytest.raises(RefusedError) as refused:
        await world.store.consent.block(await world.by(alice), people[-1], on=True)
    assert refused.value.code is ErrorCode.LIMIT_REACHED
    found, more = await world.store.consent.blocked(alice, after=people[3], limit=2)
    assert (len(found), more) == (2, True)
    assert found == sorted(people[:-1])[sorted(people[:-1]).index(people[3]) + 1 :][:2]
