"""Invitations at a server that forgets, restores and invents: nobody is in without consent."""

from tests.client.core.client_parts import encrypted_rooms, parts
from tests.hostile.test_membership import name
from tests.hostile.test_rollback import BACK, undone

from parlour_lab.hostile.people import World
from parlour_protocol.frames import decode_body
from parlour_protocol.frames.bodies import Invited, Joined
from parlour_protocol.frames.requests import Uninvite
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import RoomKind

SEEN = "SELECT seq, author FROM entries WHERE log = ? AND kind = ? ORDER BY seq"


@BACK
async def test_an_invitation_that_a_backup_brings_back(world: World, way: str) -> None:
    """Invited, backed up, withdrawn, restored: they accept what the server shows, and nobody adds them."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.during(ada.client.invitations.send(room, name(cat)))
    await world.until(lambda: bool(cat.client.invitations.all))
    await cat.stop()  # so that she is not told
    async with undone(world, way):
        await world.during(ada.client.invitations.withdraw(room, name(cat)))
        await world.goes_on(room, ada, ben)
    await cat.start(ready=False)
    await world.until(lambda: bool(cat.client.invitations.all))
    await cat.attempt(cat.client.invitations.accept(room))
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        assert "cat" not in {member.user for member in (await device.report(room)).members}
    assert not await cat.read(room)
    if cat.client.rooms.get(room) is not None:
        await world.told(ada, "cat")
    await world.judge()


async def test_a_declined_invitation_and_a_joining_that_the_server_invented(world: World) -> None:
    """It writes into its tables, and into the log, that she came: without her acceptance it is a claim."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.during(ada.client.invitations.send(room, name(cat)))
    await world.until(lambda: bool(cat.client.invitations.all))
    await world.during(cat.client.invitations.decline(room))
    (seq, _author), *_others = world.server.look(SEEN, room, "invited")
    async with world.halted() as server:
        admission = decode_body(server.event(room, seq))
        assert isinstance(admission, Invited)
        server.append(room, "cat", Joined(members=3, statement=admission.statement))
        server.list_as_member(room, "cat")
    await world.goes_on(room, ada, ben)
    assert not await cat.read(room)
    for device in (ada, ben):
        await world.told(device, "cat did not accept an invitation", "Nothing is sent to them")
    await world.judge()


async def test_a_withdrawal_that_crosses_the_acceptance(world: World) -> None:
    """A race at an honest server: she is added and removed again, no one is stuck, and no one is accused."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.during(ada.client.invitations.send(room, name(cat)))
    await world.until(lambda: bool(cat.client.invitations.all))
    signed = await world.during(encrypted_rooms(ada.client).membership.withdrawals(room, name(cat)))
    await world.during(cat.client.invitations.accept(room))
    await world.agreed(room, ada, ben, cat)
    for statement in signed:
        late = Uninvite(id=new_request_id(), room=room, user=name(cat), statement=statement)
        await world.during(parts(ada.client).connection.ask(late))
    await world.agreed_without(room, "cat", ada, ben)
    await world.goes_on(room, ada, ben)
    assert not ada.client.encryption.alarms()
    assert not ben.client.encryption.alarms()
    await world.judge()


async def test_an_invitation_in_the_name_of_someone_else(world: World) -> None:
    """The server says that ada invited her; ben did: it is not shown, and that is told."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.during(ben.client.invitations.send(room, name(cat)))
    await world.until(lambda: bool(cat.client.invitations.all))
    await cat.stop()
    async with world.halted() as server:
        server.edit("UPDATE invitations SET inviter = 'ada' WHERE room = ? AND account = 'cat'", room)
    await cat.start(ready=False)
    await world.told(cat, "An invitation in ada's name could not be checked; it is not shown.")
    assert not cat.client.invitations.all
    await world.judge()


async def test_an_old_acceptance_is_good_once(world: World) -> None:
    """Joined, kicked; the server shows both statements again."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    (seq, _author) = next((s, a) for s, a in world.server.look(SEEN, room, "joined") if a == "cat")
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    async with world.halted() as server:
        server.append(room, "cat", server.event(room, seq))
        server.list_as_member(room, "cat")
    await world.goes_on(room, ada, ben)
    await world.told(ada, "cat", "ada removed them", "Nothing is sent to them")
    await world.judge()


async def test_an_honest_public_room_after_a_kick(world: World) -> None:
    """Someone who was away when they were kicked joins again: they name the removal, and are in."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, kind=RoomKind.PUBLIC)
    await world.during(cat.client.rooms.join(room))
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, ben, cat)
    await cat.stop()
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    await world.during(cat.start())
    await world.during(cat.client.rooms.join(room))
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    for device in (ada, ben, cat):
        assert not device.client.encryption.alarms()
    await world.judge()
