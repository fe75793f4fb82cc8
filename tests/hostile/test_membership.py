"""Who is in an encrypted room: what a server that edits its tables makes of that."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import encrypted_rooms

from parlour_client.core.archive import closed_claims
from parlour_client.core.e2ee.closed_accounts import LAST_WORDS, REMOVALS_A_DAY, WAIT_SECONDS
from parlour_client.core.e2ee.group import commit
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.model import BanStanding
from parlour_lab.hostile.people import Device, World
from parlour_lab.hostile.server import HostileServer
from parlour_protocol.delivery import GroupState
from parlour_protocol.frames.bodies import Added, Banned, Contested, Joined, Kicked, Left, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.rooms import Role, RoomKind

DAY_SECONDS = 86_400

SPY = parse_user_name("spy")
_CHANGES = (
    "SELECT kind FROM entries WHERE log = ? AND seq > ? AND kind IN ('handshake', 'founded', 'contested')"
)


def name(device: Device) -> UserName:
    """Return whose device it is."""
    return parse_user_name(device.user)


async def test_an_honest_server(world: World) -> None:
    """Without an attack everyone reads everything, and nothing is told."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    await world.admit(room, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    await world.kick(room, ada, cat)
    await world.restart()
    await world.goes_on(room, ada, ben)
    assert not ada.client.encryption.alarms()
    await world.judge()


async def test_a_ghost_in_the_list_of_members(world: World) -> None:
    """A row that the server wrote into `members` reads nothing, and is named."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    async with world.halted() as server:
        server.list_as_member(room, "spy")
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    await world.told(ada, "spy", "no member admitted them")
    await world.told(ben, "spy", "no member admitted them")
    await world.judge()


async def test_a_ghost_that_the_log_shows_as_joined(world: World) -> None:
    """Events that the server wrote in people's names admit no one: an invitation, a joining."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    async with world.halted() as server:
        server.append(room, "ada", Added(who=SPY, members=3))
        server.append(room, "spy", Joined(members=3))
        server.list_as_member(room, "spy")
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    await world.told(ada, "spy", "no member admitted them")
    await world.judge()


async def test_an_invitation_that_the_server_invented(world: World) -> None:
    """An invitation in a member's name that this member never made admits no reader."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    async with world.halted() as server:
        server.edit(
            "INSERT INTO invitations (room, account, inviter, at, expires, withdrawn)"
            " VALUES (?, 'spy', 'ada', ?, ?, 0)",
            room, world.clock.now(), world.clock.now() + 10**9,
        )  # fmt: skip
    await spy.attempt(spy.client.invitations.accept(room))
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    if spy.client.rooms.get(room) is not None:
        await world.told(ada, "spy", "no member admitted them")
    await world.judge()


async def test_a_ghost_that_only_one_member_sees(world: World) -> None:
    """An answer about the group that only one client gets adds no one, and that client names the ghost."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    device = spy.client.encryption.own().device

    def with_spy(state: GroupState) -> GroupState:
        found = replace(state.present[0], device=device, user=SPY)
        return replace(state, missing=(*state.missing, found))

    ada.lies.answers["group"] = with_spy
    async with world.halted() as server:
        server.list_as_member(room, "spy")  # so that it hands out the key package, and takes the commit
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    await world.told(ada, "spy", "no member admitted them")
    await world.judge()


async def test_a_member_whom_the_server_drops_from_its_list(world: World) -> None:
    """No one is removed because the server says so: the member stays in the group, and that is told."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    async with world.halted() as server:
        server.drop_from_list(room, "ben")
    await world.told(ada, "ben", "no member removed them")
    users = {member.user for member in (await ada.report(room)).members}
    assert users == {"ada", "ben", "cat"}
    async with world.halted() as server:  # honest again
        server.list_as_member(room, "ben")
        server.edit("UPDATE group_devices SET leaving = 0")
    await world.goes_on(room, ada, cat)


@pytest.mark.parametrize(
    "body", ["kicked", *(pytest.param(one, marks=pytest.mark.long) for one in ("left", "banned"))]
)
async def test_a_removal_that_the_server_invented(world: World, body: str) -> None:
    """A removal in someone's name that they never asked for removes no one, and is told."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    author, event = {
        "kicked": ("ada", Kicked(who=name(ben), members=2)),
        "banned": ("ada", Banned(who=name(ben), members=2)),
        "left": ("ben", Left(members=2)),
    }[body]
    async with world.halted() as server:
        server.append(room, author, event)
        server.drop_from_list(room, "ben")
    await world.told(cat, "ben", "no member removed them")
    users = {member.user for member in (await cat.report(room)).members}
    assert users == {"ada", "ben", "cat"}


async def test_a_role_that_the_server_invented(world: World) -> None:
    """A member whom the server made an owner removes no one: the others refuse the commit or make none."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    async with world.halted() as server:
        server.edit("UPDATE members SET role = 'owner' WHERE room = ? AND account = 'ben'", room)
        server.append(room, "ada", RoleSet(who=name(ben), role=Role.OWNER))
    assert await ben.attempt(ben.client.rooms.kick(room, name(cat)))
    users = {member.user for member in (await ada.report(room)).members}
    assert users == {"ada", "ben", "cat"}
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


async def test_an_admission_is_good_once(world: World) -> None:
    """Someone who was removed is not admitted by the admission of before, which the server repeats."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    query = "SELECT seq, author FROM entries WHERE log = ? AND kind IN ('invited', 'joined') ORDER BY seq"
    old = [(seq, author) for seq, author in world.server.look(query, room)]
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    async with world.halted() as server:
        for seq, author in old:
            server.append(room, author, server.event(room, seq))
        server.list_as_member(room, "cat")
    await world.goes_on(room, ada, ben)
    await world.told(ada, "cat", "ada removed them", "Nothing is sent to them")
    await world.judge()


async def test_a_ban_that_the_server_lifts(world: World) -> None:
    """Someone who was banned from a public encrypted room is not back because the server forgot it."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, kind=RoomKind.PUBLIC)
    await world.during(cat.client.rooms.join(room))
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    world.ledger.inside[room].discard("cat")
    await world.during(ada.client.rooms.ban(room, name(cat), seconds=None))
    await world.goes_on(room, ada, ben)
    async with world.halted() as server:
        server.edit("DELETE FROM bans WHERE room = ?", room)
    await cat.attempt(cat.client.rooms.join(room))
    await world.goes_on(room, ada, ben)
    assert "cat" not in {member.user for member in (await ben.report(room)).members}
    await world.judge()


async def test_a_third_person_in_a_direct_room(world: World) -> None:
    """A direct room stays between its two people."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    made = await world.during(ada.client.rooms.open_direct(name(ben)))
    world.ledger.inside[made.id] = {"ada", "ben"}
    await ada.say(made.id)
    await world.during(ben.client.invitations.accept(made.id))
    await world.goes_on(made.id, ada, ben)
    async with world.halted() as server:
        server.list_as_member(made.id, "spy")
    await world.goes_on(made.id, ada, ben)
    assert not await spy.read(made.id)
    await world.judge()


async def test_a_disabled_account_stays_in_the_group(world: World) -> None:
    """An account that the operator disables is not removed by the others: no one of the room asked for it."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    await cat.stop()
    async with world.halted() as server:
        server.edit("UPDATE accounts SET disabled = 1 WHERE account = 'cat'")
    world.ledger.inside[room].discard("cat")
    await world.goes_on(room, ada, ben)
    assert "cat" in {member.user for member in (await ada.report(room)).members}


async def test_a_device_that_the_server_invented(world: World) -> None:
    """A device that the server lists under a member's name, without their certificate, reads nothing."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    async with world.halted() as server:
        server.edit("UPDATE devices SET account = 'ada' WHERE account = 'spy'")
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    assert {member.user for member in (await ben.report(room)).members} == {"ada", "ben"}
    await world.judge()


async def test_a_new_member_in_a_group_that_the_server_made(world: World) -> None:
    """An invited person enters the group of who invited them, not another with the same names in it."""
    ada, ben, cat, spy = await world.start("ada", "ben", "cat", "spy")
    room = await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    await world.during(ada.client.invitations.send(room, name(cat)))
    await ada.stop()
    await ben.stop()
    async with world.halted() as server:
        server.list_as_member(room, "spy", "owner")
        ((group, epoch),) = server.look("SELECT group_id, epoch FROM groups WHERE room = ?", room)
        server.edit("UPDATE groups SET contested = 1")
        server.append(room, "ben", Contested(group=group, epoch=epoch))
    await found_a_copy(spy, room, "ada", "ben", "cat")
    await world.during(cat.client.invitations.accept(room))
    world.ledger.inside[room].add("cat")
    await spy.attempt(spy.client.encryption.settle(room))
    await cat.queue(room)
    await world.turns(300)
    assert not await spy.read(room)
    await world.judge()


async def found_a_copy(spy: Device, room: RoomId, *users: str) -> None:
    """Found a group for a room in which people were vouched for that never agreed to it."""
    rooms = encrypted_rooms(spy.client)
    await spy.world.during(rooms.incoming.track(room))
    people = []
    for user in users:
        await spy.world.during(spy.client.encryption.person(parse_user_name(user)))
        ((key,),) = spy.world.server.look("SELECT key FROM account_keys WHERE account = ?", user)
        people.append((parse_user_name(user), bytes(key), Role.MEMBER))
    now = spy.world.clock.now()
    body = await rooms.world.archive.write_durably(
        commit.create_group, rooms.keys.groups, room, RoomKind.PRIVATE, new_request_id(), now, people
    )
    await spy.world.during(rooms.reconciler.post_creation(room, body))


def closed(server: HostileServer, user: str) -> None:
    """Delete an account, as far as its row tells."""
    server.edit("UPDATE accounts SET disabled = 1, deleted = 1 WHERE account = ?", user)


async def heard_of_deletion(world: World, device: Device, user: str) -> None:
    """Wait until a device has told, and stored, that someone's account was deleted."""
    await world.told(device, f"{user}'s account was deleted", "in half a minute")
    await claimed(world, device, user)


async def claimed(world: World, device: Device, *users: str) -> None:
    """Wait until a device has stored that these accounts were deleted; without any, that none was."""

    async def is_stored() -> bool:
        claims = await encrypted_rooms(device.client).world.archive.read(closed_claims.load)
        return set(users) <= {claim.user for claim in claims} and bool(users) is bool(claims)

    await world.until_true(is_stored)


async def time_passes(world: World, seconds: float) -> None:
    """Let time pass in which no one is connected."""
    async with world.halted():
        world.clock.advance(seconds)


async def test_a_deleted_account_is_removed_by_a_moderator(world: World) -> None:
    """Once, with a reason, however many may; then its devices have no keys, and the room goes on."""
    room, (ada, ben, cat, dan) = await world.together("ada", "ben", "cat", "dan")
    await world.during(ada.client.rooms.set_role(room, name(ben), Role.MODERATOR))
    await world.agreed(room, ada, ben, cat, dan)
    await dan.stop()
    async with world.halted() as server:
        closed(server, "dan")
    for device in (ada, ben):
        await heard_of_deletion(world, device, "dan")
    await time_passes(world, WAIT_SECONDS)
    await world.agreed_without(room, "dan", ada, ben, cat)
    kicks = world.server.look("SELECT body FROM entries WHERE log = ? AND kind = 'kicked'", room)
    assert len(kicks) == 1
    assert "account was deleted" in bytes(kicks[0][0]).decode()
    world.ledger.inside[room].discard("dan")
    await world.goes_on(room, ada, ben, cat)
    assert not cat.client.encryption.alarms()
    await world.judge()


class Collision:
    """A call that several devices are about to make: ``first`` makes it first, when all of them are there."""

    def __init__(self, call: str, first: Device, *others: Device) -> None:
        self.met: set[str] = set()
        self.calls = 0
        """How often any of them made the call."""
        self.decided = asyncio.Event()
        """Set when the others may go on: with the answer to the first, if it is one of the HTTPS API."""
        self._all = {repr(device) for device in (first, *others)}
        self._complete = asyncio.Event()
        first.lies.held[call] = lambda: self._wait(repr(first), self._complete)
        first.lies.answer(call, self._answered)
        for device in others:
            device.lies.held[call] = lambda device=device: self._wait(repr(device), self.decided)

    def is_complete(self) -> bool:
        """Say whether all of them are about to make the call."""
        return self.met == self._all

    def _answered(self, answer: object) -> object:
        self.decided.set()
        return answer

    async def _wait(self, device: str, until: asyncio.Event) -> None:
        self.calls += 1
        self.met.add(device)
        if self.is_complete():
            self._complete.set()
        await until.wait()


@pytest.mark.parametrize(
    "first", ["ada", *(pytest.param(one, marks=pytest.mark.long) for one in ("ben", "cat"))]
)
async def test_two_moderators_remove_a_deleted_account_while_a_third_member_renews(
    world: World, first: str
) -> None:
    """Two signed removals, three commits for one epoch: one of each counts, and no one tries for ever."""
    room, people = await world.together("ada", "ben", "cat", "dan")
    ada, ben, cat, dan = people
    await world.during(ada.client.rooms.set_role(room, name(ben), Role.MODERATOR))
    await world.agreed(room, *people)
    await dan.stop()
    removals = Collision("Kick", ada, ben)
    async with world.halted() as server:
        closed(server, "dan")
    for device in (ada, ben):
        await heard_of_deletion(world, device, "dan")
    await time_passes(world, WAIT_SECONDS)
    await world.until(removals.is_complete)
    before, head = await ada.report(room), world.server.head(room)
    those = sorted((ada, ben, cat), key=lambda device: device.user != first)
    commits = Collision("commit", *those)
    renewal = asyncio.ensure_future(encrypted_rooms(cat.client).reconciler.renew(room))
    await world.until(lambda: repr(cat) in commits.met)  # before it hears of a removal
    removals.decided.set()
    await world.until(commits.is_complete)
    await world.agreed_without(room, "dan", ada, ben, cat)
    await world.during(renewal)
    world.ledger.inside[room].discard("dan")
    await world.goes_on(room, ada, ben, cat)
    assert removals.calls == len(removals.met)
    removed = [await _removed(device, "dan") for device in (ada, ben)]
    assert len([one for one in removed if one is not None]) == 1  # who came second has removed no one
    for device in (ada, ben, cat):
        assert len([entry for entry in await device.entries(room) if isinstance(entry.body, Kicked)]) == 1
        report = await device.report(room)
        assert (report.group, report.state, report.problem) == (before.group, RoomState.ACTIVE, "")
        assert not device.client.encryption.alarms()
    await world.turns(1000)  # cat renews her keys, as a new member does
    calls = commits.calls
    await world.turns(2000)
    assert commits.calls == calls, "someone commits without end"
    kinds = [kind for (kind,) in world.server.look(_CHANGES, room, head)]
    assert set(kinds) == {"handshake"}
    assert (await ada.report(room)).epoch == before.epoch + len(kinds)
    await world.judge()


async def _removed(device: Device, user: str) -> Millis | None:
    claims = await encrypted_rooms(device.client).world.archive.read(closed_claims.load)
    return next((claim.removed for claim in claims if claim.user == user), None)


async def test_a_claim_that_a_verified_persons_account_was_deleted(world: World) -> None:
    """The moderator is asked, no one is removed, and what the person writes later is an alarm."""
    room, (ada, ben) = await world.together("ada", "ben")
    number = (await world.during(ada.client.encryption.person(name(ben)))).safety_number
    await world.during(ada.client.encryption.confirm(name(ben), number))
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.reconnect()
    await world.told(ada, "ben's account was deleted", "You have verified ben", "/kick ben")
    await claimed(world, ada, "ben")
    await time_passes(world, WAIT_SECONDS)
    await world.turns(600)
    await world.goes_on(room, ben, ada)
    await world.told(ada, "one of their devices has written since")
    assert not world.server.look("SELECT seq FROM entries WHERE log = ? AND kind = 'kicked'", room)
    await world.judge()


def kicks(world: World, room: RoomId) -> int:
    """Return how many people were removed from a room."""
    return len(world.server.look("SELECT seq FROM entries WHERE log = ? AND kind = 'kicked'", room))


async def until_kicked(world: World, room: RoomId, count: int) -> None:
    """Wait until so many people were removed, one after the other."""
    for number in range(kicks(world, room) + 1, count + 1):
        await world.until(lambda number=number: kicks(world, room) >= number)


async def test_a_claim_about_someone_who_writes(world: World) -> None:
    """What a device of theirs writes is an alarm, and no one removes them any more, also after a restart."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.reconnect()
    await heard_of_deletion(world, ada, "ben")
    await world.goes_on(room, ben, ada)  # this may have been on its way when the account was deleted
    stored = await encrypted_rooms(ada.client).world.archive.read(closed_claims.load)
    assert [claim.written for claim in stored] == [False]
    world.clock.advance(LAST_WORDS / 1000 + 1)
    await world.goes_on(room, ben, ada)
    await world.told(ada, "one of their devices has written since", "Ask ben")
    ada.lies.end()  # and is repeated later: what speaks against it is not forgotten meanwhile
    await ada.reconnect()
    await world.goes_on(room, ada, ben, cat)
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.stop()
    await ada.start()
    await time_passes(world, WAIT_SECONDS)
    await world.told(ada, "ben's account was deleted", "does not remove them by itself", "/kick ben")
    await world.goes_on(room, ada, ben, cat)
    assert not kicks(world, room)
    await world.judge()


async def test_a_claim_that_was_withdrawn_counts_from_its_repetition(world: World) -> None:
    """What passes between two claims is not the time of a claim, even if the client was off between them."""
    room, (ada, ben) = await world.together("ada", "ben")
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.reconnect()
    await heard_of_deletion(world, ada, "ben")
    await ada.stop()
    ada.lies.end()
    await ada.start()
    await claimed(world, ada)
    await time_passes(world, WAIT_SECONDS)
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.reconnect()
    await heard_of_deletion(world, ada, "ben")
    await world.turns(500)
    assert not kicks(world, room)
    await world.judge()


async def test_a_claim_that_nearly_everyone_was_deleted(world: World) -> None:
    """A device removes only so many people a day, in whatever rooms; the others are left to its person."""
    room, (ada, *others) = await world.together("ada", "ben", "cat", "dan", "spy")
    for other in others:
        await other.stop()
    async with world.halted() as server:
        for other in others:
            closed(server, other.user)
    await heard_of_deletion(world, ada, "spy")
    await time_passes(world, WAIT_SECONDS)
    await until_kicked(world, room, REMOVALS_A_DAY)
    await time_passes(world, 0.9 * DAY_SECONDS)
    await world.turns(1000)
    assert kicks(world, room) == REMOVALS_A_DAY == len(others) - 1
    assert "as many people as it may in a day" in ada.client.encryption.room(room).problem
    await time_passes(world, 0.2 * DAY_SECONDS)
    await until_kicked(world, room, len(others))
    world.ledger.inside[room] = {"ada"}
    await world.goes_on(room, ada)
    await world.judge()


async def test_a_room_whose_only_owner_was_deleted_and_a_direct_one(world: World) -> None:
    """No one may remove an owner, so the members are told; a direct room takes no more messages."""
    room, (ada, ben) = await world.together("ada", "ben")
    direct = (await world.during(ben.client.rooms.open_direct(name(ada)))).id
    world.ledger.inside[direct] = {"ada", "ben"}
    await world.agreed(direct, ada, ben)
    await ada.stop()
    async with world.halted() as server:
        closed(server, "ada")
    await world.told(ben, "ada's account was deleted", "No one here may remove an owner")
    await world.told(ben, "ada's account was deleted", "nothing is sent")
    head = world.server.head(direct)
    await ben.try_to_say(direct)
    assert [one.problem for one in ben.waiting(direct) if "ada's account was deleted" in one.problem]
    assert world.server.head(direct) == head
    await ben.say(room)


async def test_a_list_of_bans_that_the_server_edits(world: World) -> None:
    """Moderators see who is kept out by what members signed; a ban by the server alone is a claim."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    await world.during(ada.client.rooms.ban(room, name(cat), seconds=None, reason="noise"))
    (ban,) = await ada.client.rooms.bans(room)
    assert (ban.user, ban.by, ban.until, ban.reason) == ("cat", "ada", None, "noise")
    assert ban.standing is BanStanding.IN_FORCE
    async with world.halted() as server:
        server.edit("UPDATE bans SET account = 'ben', until = 0 WHERE room = ? AND account = 'cat'", room)
    standing = {one.user: one.standing for one in await ada.client.rooms.bans(room)}
    assert standing == {"ben": BanStanding.CLAIMED, "cat": BanStanding.NOT_LISTED}
    await world.during(ada.client.rooms.unban(room, name(cat)))
    assert [one.user for one in await ada.client.rooms.bans(room)] == ["ben"]
