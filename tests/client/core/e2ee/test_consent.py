"""Invitations of encrypted rooms among running clients: accepted, declined, withdrawn, ended, shown again."""

import asyncio
from contextlib import suppress

import pytest
from msgspec import structs
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import words
from tests.client.core.e2ee.test_hostile_keys import members
from tests.client.core.e2ee.test_orchestration import GARDEN, break_line, pair, say, texts

from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import ApiRefusedError, SessionEndedError
from parlour_protocol.delivery import KeyLogPage
from parlour_protocol.frames import bodies as b
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Invitation, InvitationReceived
from parlour_protocol.frames.requests import Join, Uninvite
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

DAY = 86_400.0


def accusations(harness: Harness) -> list[str]:
    """Return the alarms of everyone."""
    return [alarm.text for client in harness.clients for alarm in client.encryption.alarms()]


async def invited(harness: Harness, room: RoomId, user: UserName) -> Invitation:
    """Return the invitation that someone has at the server."""
    await harness.until(lambda: (room, user) in harness.server.invitations)
    return harness.server.invitations[room, user]


async def test_who_was_invited_is_in_only_after_they_accepted(harness: Harness) -> None:
    """Until then not even their key package is asked for; and no one is alarmed."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    await say(harness, ana, room, "before she is here")
    device = eve.encryption.own().device
    assert device not in harness.server.rooms[room].present
    await eve.invitations.accept(room)
    await harness.until(lambda: device in harness.server.rooms[room].present)
    await say(harness, ben, room, "hello, eve")
    await harness.until_true(lambda: texts(eve, room), ["hello, eve"])
    assert not accusations(harness)


async def room_of_two(harness: Harness) -> tuple[Client, Client, RoomId]:
    """Make a room of ana's with ben in it, whatever people do with invitations otherwise."""
    accepts, harness.accepts = harness.accepts, True
    made = await pair(harness)
    harness.accepts = accepts
    return made


async def test_an_invitation_that_is_shown_again_after_it_was_withdrawn(harness: Harness) -> None:
    """The person is told, no one adds them, and the inviter is told, too."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    shown = await invited(harness, room, EVE)
    await ana.invitations.withdraw(room, EVE)
    await harness.until(lambda: not eve.invitations.all)
    harness.server.invitations[room, EVE] = shown
    with pytest.raises(EncryptionError, match="ana withdrew this invitation"):
        await encrypted_rooms(eve).membership.acceptance(room, shown.statement)  # type: ignore[arg-type]
    # a client that was not shown the withdrawal accepts
    other = await harness.open(EVE, "eve-new")
    approving = asyncio.ensure_future(eve.encryption.approve(other.encryption.own().code))
    await harness.until(approving.done)
    await harness.until(lambda: bool(other.invitations.all))
    await other.invitations.accept(room)
    for client in (ana, ben):
        await client.encryption.settle(room)
        await say(harness, client, room, f"not for eve, by {client.account.user}")
    for device in (eve, other):
        assert device.encryption.own().device not in harness.server.rooms[room].present
    assert ana.encryption.room(room).problem == (
        "The server shows an invitation of eve that you withdrew. Nobody is added."
    )
    assert ben.encryption.room(room).problem == ("The invitation of eve by ana is void: it was withdrawn.")
    assert (await ana.encryption.report(room)).void_invitations == [ana.encryption.room(room).problem]
    await harness.until(lambda: "ana withdrew this invitation." in other.encryption.room(room).problem)
    assert not accusations(harness)


async def test_an_acceptance_by_a_device_that_was_revoked_before_anyone_saw_it(harness: Harness) -> None:
    """It is void, everyone says so, and the person can be invited again."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    for client in (ana, ben):
        await break_line(harness, client)
    await eve.invitations.accept(room)
    with suppress(SessionEndedError):  # it was this one's
        await eve.encryption.revoke(eve.encryption.own().device)
    await harness.close(eve)
    eve = await harness.open(EVE)
    for client in (ana, ben):
        harness.lines[client].down = False
        client.connection.retry_now()
    await harness.until(lambda: "revoked since" in ana.encryption.room(room).problem, advance=0.1)
    await come_in_again(harness, ana, eve, room)


async def test_an_invitation_that_ended_before_anyone_saw_its_acceptance(harness: Harness) -> None:
    """It is void, everyone says so, and the person can be invited again."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    for client in (ana, ben):
        await break_line(harness, client)
    await eve.invitations.accept(room)
    harness.clock.advance(20 * DAY)
    for client in (ana, ben):
        harness.lines[client].down = False
        client.connection.retry_now()
    await harness.until(lambda: "it ended on" in ana.encryption.room(room).problem, advance=0.1)
    await come_in_again(harness, ana, eve, room)


async def come_in_again(harness: Harness, ana: Client, eve: Client, room: RoomId) -> None:
    """Have eve invited again, and require that she is in then."""
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    await eve.invitations.accept(room)
    device = eve.encryption.own().device
    await harness.until(lambda: device in harness.server.rooms[room].present, advance=0.1)
    await say(harness, ana, room, "hello, eve")
    await harness.until_true(lambda: texts(eve, room), ["hello, eve"])
    assert not accusations(harness)


async def test_a_declined_invitation_and_a_joining_that_is_forged_400_days_later(harness: Harness) -> None:
    """It is a claim of the server's, once; nothing is sent to her."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    shown = await invited(harness, room, EVE)
    await eve.invitations.decline(room)
    harness.server.invitations.clear()
    await say(harness, ana, room, "she did not want to")
    harness.clock.advance(400 * DAY)
    forged = harness.server.rooms[room]
    forged.members[EVE] = Role.MEMBER
    harness.server.write(forged, EVE, b.Joined(statement=shown.statement))
    harness.server.group_changed(forged)
    await say(harness, ben, room, "still among us")
    words_of = "The server lists eve as a member; eve did not accept an invitation. Nothing is sent to them."
    for client in (ana, ben):
        await client.encryption.settle(room)
        assert client.encryption.room(room).claims == [words_of]
        assert [alarm.text for alarm in client.encryption.alarms()] == [f"garden: {words_of}"]
    assert eve.encryption.own().device not in harness.server.rooms[room].present


async def test_an_invitation_that_has_ended_is_not_accepted(harness: Harness) -> None:
    """By the clock of the person; the inviter is asked for a new one."""
    harness.accepts = False
    ana, _ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    harness.clock.advance(15 * DAY)
    with pytest.raises(EncryptionError, match=r"The invitation ended on 20\d\d-\d\d-\d\d\.") as ended:
        await eve.invitations.accept(room)
    assert ended.value.hint == "Ask ana for a new one."


async def test_an_invitation_in_someones_name_that_cannot_be_checked_is_not_shown(harness: Harness) -> None:
    """It was not signed by the person whom it names."""
    harness.accepts = False
    ana, _ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    genuine = await invited(harness, room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    await harness.close(eve)
    harness.server.invitations[room, EVE] = structs.replace(genuine, inviter=BEN)
    eve = await harness.open(EVE)
    await harness.until(lambda: bool(eve.encryption.alarms()))
    assert not eve.invitations.all
    (alarm,) = eve.encryption.alarms()
    assert alarm.text == "An invitation in ben's name could not be checked; it is not shown."


async def test_someone_without_a_key_is_invited_as_soon_as_they_have_one(harness: Harness) -> None:
    """The inviter's device keeps the wish, and signs when they have connected once; they accept that."""
    ana, _ben, room = await room_of_two(harness)
    await ana.invitations.send(room, EVE)
    await say(harness, ana, room, "eve has never connected")
    assert harness.server.invitations[room, EVE].statement is None
    eve = await harness.open(EVE)
    await harness.until(lambda: eve.encryption.own().device in harness.server.rooms[room].present)
    assert await members(ana, room) >= {eve.encryption.own().device}
    assert not accusations(harness)


async def test_a_wish_is_dropped_with_the_invitation(harness: Harness) -> None:
    """Whoever was uninvited before they had a key is not invited by the wish."""
    ana, _ben, room = await room_of_two(harness)
    await ana.invitations.send(room, EVE)
    await ana.invitations.withdraw(room, EVE)
    eve = await harness.open(EVE)
    await say(harness, ana, room, "no one came")
    assert not eve.invitations.all
    assert (room, EVE) not in harness.server.invitations


async def test_a_withdrawal_that_comes_after_someone_was_added(harness: Harness) -> None:
    """A race, or it was held back: nothing is sent before she is removed; a row says what she read."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    (statement,) = await encrypted_rooms(ana).membership.withdrawals(room, EVE)
    await eve.invitations.accept(room)
    device = eve.encryption.own().device
    await harness.until(lambda: device in harness.server.rooms[room].present)
    await say(harness, ben, room, "eve reads this")
    await harness.until_true(lambda: texts(eve, room), ["eve reads this"])
    await parts(ana).connection.ask(Uninvite(id=new_request_id(), room=room, user=EVE, statement=statement))
    for client in (ana, ben):
        await say(harness, client, room, "eve does not read this")
    assert device not in harness.server.rooms[room].present
    assert await texts(eve, room) == ["eve reads this"]
    told = " ".join(await words(ben, room))
    assert "withdrew the invitation of eve" in told
    assert "eve could read 1 message" in told
    assert not accusations(harness)
    assert ana.encryption.room(room).state is RoomState.ACTIVE


async def test_a_new_group_keeps_what_was_withdrawn(harness: Harness) -> None:
    """The room's group is created again: whoever was uninvited stays out of that one, too."""
    harness.accepts = False
    ana, ben, room = await room_of_two(harness)
    eve = await harness.open(EVE)
    await ana.invitations.send(room, EVE)
    shown = await invited(harness, room, EVE)
    await ana.invitations.withdraw(room, EVE)
    await say(harness, ben, room, "hello")
    harness.server.rooms[room].contested = True
    group = harness.server.rooms[room].group
    assert group is not None
    harness.server.write(harness.server.rooms[room], BEN, b.Contested(group=group, epoch=0))  # type: ignore[arg-type]
    recreating = asyncio.ensure_future(ben.encryption.recreate(room))
    await harness.until(recreating.done)
    await harness.until(lambda: ana.encryption.room(room).state is RoomState.ACTIVE)
    harness.server.invitations[room, EVE] = shown
    other = await harness.open(EVE, "eve-new")
    approving = asyncio.ensure_future(eve.encryption.approve(other.encryption.own().code))
    await harness.until(approving.done)
    await harness.until(lambda: bool(other.invitations.all))
    await other.invitations.accept(room)
    await say(harness, ben, room, "among us")
    assert other.encryption.own().device not in harness.server.rooms[room].present


async def test_an_honest_room_raises_no_alarm(harness: Harness) -> None:
    """Join races, late devices, a leave before one is added, an invitation that ends, a new one."""
    ana, ben, room = await pair(harness)
    eve = await harness.open(EVE)
    harness.accepts = False
    await asyncio.gather(ana.invitations.send(room, EVE), ben.invitations.send(room, EVE))
    await harness.until(lambda: bool(eve.invitations.all))
    await eve.invitations.accept(room)
    await harness.until(lambda: eve.encryption.own().device in harness.server.rooms[room].present)
    await ana.rooms.kick(room, EVE)
    await say(harness, ben, room, "without eve")
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: bool(eve.invitations.all))
    harness.clock.advance(20 * DAY)
    await ana.invitations.send(room, EVE)
    await harness.until(lambda: eve.invitations.all[0].at > harness.clock.now() - 1_000 * DAY)
    await eve.invitations.accept(room)
    await harness.until(lambda: eve.encryption.own().device in harness.server.rooms[room].present)
    await say(harness, eve, room, "here again")
    await harness.until_true(lambda: texts(ben, room), ["without eve", "here again"])
    assert not accusations(harness)


async def test_a_public_room_after_a_kick(harness: Harness) -> None:
    """Whoever did not know of it asks once more by themselves, and names the removal."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PUBLIC, encrypted=True)).id
    await join(ben, room)
    device = ben.encryption.own().device
    await harness.until(lambda: device in harness.server.rooms[room].present)
    await harness.close(ben)
    await ana.rooms.kick(room, BEN)
    await say(harness, ana, room, "he does not know")
    ben = await harness.open(BEN)
    await join(ben, room)
    await harness.until(lambda: ben.encryption.own().device in harness.server.rooms[room].present)
    await say(harness, ana, room, "here again")
    await harness.until_true(lambda: texts(ben, room), ["here again"])
    assert not accusations(harness)


async def join(client: Client, room: RoomId) -> None:
    """Join a public encrypted room, which the server in memory does not list."""
    statement = await encrypted_rooms(client).membership.request(room)
    await client.rooms.enter(Join(id=new_request_id(), room=room, statement=statement))


async def test_someone_who_was_kicked_does_not_ask_to_join_again_by_themselves(harness: Harness) -> None:
    """Only a request that was made without knowing of the removal before it is made once more."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.create(GARDEN, RoomKind.PUBLIC, encrypted=True)).id
    await join(ben, room)
    device = ben.encryption.own().device
    await harness.until(lambda: device in harness.server.rooms[room].present)
    await ana.rooms.kick(room, BEN)
    for text in ("he is out", "and stays out"):
        await say(harness, ana, room, text)
    assert BEN not in harness.server.rooms[room].members
    assert device not in harness.server.rooms[room].present


async def test_an_invitation_ends_no_connection_of_a_device_without_keys(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the server refused when the keys were to be made: it can't be checked yet, and is shown."""

    def refused(_after: int) -> KeyLogPage:
        raise ApiRefusedError("not here", "not_found")

    monkeypatch.setattr(harness.server, "key_log", refused)
    eve = await harness.open(EVE)
    await harness.until(lambda: isinstance(encrypted_rooms(eve).keys.trouble, ApiRefusedError))
    [wire] = [one for one in harness.server.wires if one.line.user == EVE]
    for name, statement in (("open", None), ("sealed", StatementBytes(b"anything"))):
        room = RoomId((name * 22)[:22])
        one = Invitation(room, RoomKind.PRIVATE, parse_room_name(name), ANA, Millis(1), Millis(2))
        wire.say(InvitationReceived(structs.replace(one, statement=statement)))
    await harness.until(lambda: len(eve.invitations.all) == 2)
    assert [one for one in harness.server.wires if one.line.user == EVE] == [wire]
