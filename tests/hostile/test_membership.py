"""Who is in an encrypted room: what a server that edits its tables makes of that."""

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import encrypted_rooms

from parlour_lab.hostile.people import Device, World
from parlour_lab.hostile.server import HostileServer
from parlour_protocol.delivery import GroupState
from parlour_protocol.frames.bodies import Added, Banned, Contested, Joined, Kicked, Left, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.rooms import Role, RoomKind

SPY = parse_user_name("spy")


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


@pytest.mark.parametrize("body", ["kicked", "left", pytest.param("banned", marks=pytest.mark.long)])
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
    query = "SELECT seq, author FROM events WHERE room = ? AND kind IN ('invited', 'joined') ORDER BY seq"
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
    await spy.attempt(spy.client.encryption.reconcile(room))
    await cat.queue(room)
    await world.turns(300)
    assert not await spy.read(room)
    await world.judge()


async def found_a_copy(spy: Device, room: RoomId, *users: str) -> None:
    """Found a group for a room in which people were vouched for that never agreed to it."""
    rooms = encrypted_rooms(spy.client)
    await spy.world.during(rooms.track(room))
    people = []
    for user in users:
        await spy.world.during(spy.client.encryption.person(parse_user_name(user)))
        ((key,),) = spy.world.server.look("SELECT key FROM account_keys WHERE account = ?", user)
        people.append((parse_user_name(user), bytes(key), Role.MEMBER))
    now = spy.world.clock.now()
    body = await rooms.archive.write_durably(
        rooms.session.groups.create_group, room, RoomKind.PRIVATE, new_request_id(), now, people
    )
    await spy.world.during(rooms.reconciler._submitter.post_creation(room, body))


def closed(server: HostileServer, user: str) -> None:
    """Delete an account, as far as its row tells."""
    server.edit("UPDATE accounts SET disabled = 1, deleted = 1 WHERE account = ?", user)


async def test_a_deleted_account_is_removed_by_a_moderator(world: World) -> None:
    """Once, with a reason, however many may; then its devices have no keys, and the room goes on."""
    room, (ada, ben, cat, dan) = await world.together("ada", "ben", "cat", "dan")
    await world.during(ada.client.rooms.set_role(room, name(ben), Role.MODERATOR))
    await world.agreed(room, ada, ben, cat, dan)
    await dan.stop()
    async with world.halted() as server:
        closed(server, "dan")
    await world.agreed_without(room, "dan", ada, ben, cat)
    kicks = world.server.look("SELECT body FROM events WHERE room = ? AND kind = 'kicked'", room)
    assert len(kicks) == 1
    assert "account was deleted" in bytes(kicks[0][0]).decode()
    world.ledger.inside[room].discard("dan")
    await world.goes_on(room, ada, ben, cat)
    assert not cat.client.encryption.alarms()
    await world.judge()


async def test_a_claim_that_a_verified_persons_account_was_deleted(world: World) -> None:
    """The moderator is asked, no one is removed, and what the person writes later is an alarm."""
    room, (ada, ben) = await world.together("ada", "ben")
    number = (await world.during(ada.client.encryption.person(name(ben)))).safety_number
    await world.during(ada.client.encryption.confirm(name(ben), number))
    ada.lies.answers["group"] = lambda state: replace(state, closed=(name(ben),))
    await ada.reconnect()
    await world.told(ada, "ben's account was deleted", "You have verified ben", "/kick ben")
    world.clock.advance(61)
    await world.goes_on(room, ben, ada)
    await world.told(ada, "one of their devices has written since")
    assert not world.server.look("SELECT seq FROM events WHERE room = ? AND kind = 'kicked'", room)
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
