# ruff: noqa: ASYNC110 - the loop is turned by hand, with a clock and chance of the test's own
"""The sender: what goes out next, in which order, and what happens to what can't go now."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.client.core.core_fake import GARDEN, LOBBY, RATE_LIMITED, Desk, FakeServer
from tests.client.core.outbox.sender_world import SenderWorld, alone, message, turns

from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item
from parlour_client.core.outbox.sender import SAY_SECONDS, WINDOW, Lane
from parlour_client.kit.errors import UnreachableError
from parlour_protocol.encrypted import ReadContent
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error
from parlour_protocol.frames.requests import Send, SendEncrypted
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.text import safe_text


def sends(server: FakeServer) -> list[str]:
    """Return the texts that reached the server, stored or not, in order."""
    return [safe_text(request.text).plain for request in server.requests if isinstance(request, Send)]


@pytest.fixture(name="world")
async def _world(desk: Desk) -> AsyncIterator[SenderWorld]:
    world = SenderWorld(desk, await alone(desk))
    yield world
    await world.stop()


async def test_refused_for_speed_waits_and_keeps_the_order(desk: Desk, server: FakeServer) -> None:
    """The first is refused, as by a budget that has room again for the second: it goes first all the same.

    It waits as long as the server says, then all goes on by itself.
    """
    client = await desk.open()
    server.refusals = [RATE_LIMITED]
    entries = await client.messages.send_many(LOBBY, ["one", "two", "three"])
    while server.refusals:
        await asyncio.sleep(0)
    await turns()
    assert sends(server) == ["one"]
    first, *others = [one.entry for one in client.messages.outgoing()]
    assert first.problem == "You are sending too fast."
    assert [entry.problem for entry in others] == ["", ""]
    desk.clock.advance(2.9)
    await turns()
    assert sends(server) == ["one"]
    desk.clock.advance(0.2)
    for entry in entries:
        assert entry.request is not None
        await client.messages.stored(entry.request)
    assert server.texts() == ["one", "two", "three"]


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY_IN_FLIGHT])
async def test_whatever_makes_one_wait_keeps_the_order(
    code: ErrorCode, desk: Desk, server: FakeServer
) -> None:
    """A full disk for a moment, too: what was written later does not overtake."""
    client = await desk.open()
    server.refusals = [Error(code=code)]
    entries = await client.messages.send_many(LOBBY, ["one", "two"])
    while server.refusals:
        await asyncio.sleep(0)
    await turns()
    desk.clock.advance(10)
    for entry in entries:
        assert entry.request is not None
        await client.messages.stored(entry.request)
    assert server.texts() == ["one", "two"]


async def test_a_room_waits_for_no_other(desk: Desk, server: FakeServer) -> None:
    """The server is silent about one room's message; another room's goes out."""
    server.add_room(GARDEN, "garden")
    client = await desk.open()
    server.silent = True
    await client.messages.send_many(LOBBY, ["one", "two"])
    await turns()
    await client.messages.send(GARDEN, "of the garden")
    await turns()
    assert sends(server) == ["one", "of the garden"]


# a lane


def item(position: int) -> Item:
    """Return a message at this place of the outbox."""
    return Item(position, message("hello"), Millis(1), Delivery.QUEUED)


def test_requests_leave_in_the_order_of_the_outbox() -> None:
    """One that is put back goes out at its old place, a few at a time."""
    first, second, third = item(1), item(2), item(3)
    lane = Lane(LOBBY)
    for one in (third, first, second):
        lane.put(one)
    assert lane.take(2) == [first, second]
    lane.put(second)
    assert lane.take(2) == [second, third]
    assert lane.take(2) == []


def test_what_was_cancelled_meanwhile_is_dropped() -> None:
    """A request that was put twice is taken once."""
    first, second = item(1), item(2)
    lane = Lane(LOBBY)
    for one in (first, second, second):
        lane.put(one)
    first.delivery = Delivery.FAILED
    assert lane.take(9) == [second]


# rooms beside each other


async def test_what_a_lane_held_when_the_connection_broke_goes_out_in_its_place(world: SenderWorld) -> None:
    """The next conversation has other lanes."""
    world.encryption.is_ready = False
    (first,) = await world.put("one")
    world.send()
    await turns()
    await world.stop()
    (second,) = await world.put("two")
    world.encryption.is_ready = True
    world.send()
    await world.until(stored=2)
    assert world.server.stored == [first.request, second.request]


async def test_a_held_room_keeps_no_other_one_waiting(world: SenderWorld) -> None:
    """An encrypted room that is not ready, and one to which the server does not answer."""
    world.encryption.is_ready = False
    await world.put("held")
    await world.put("slow", room=(slow := RoomId("s" * 22)))
    world.server.silent = {slow}
    (last,) = await world.put("last", room=GARDEN)
    world.send()
    await turns()
    assert last.delivery is Delivery.STORED


async def test_no_more_rooms_than_the_window_wait_for_an_answer(world: SenderWorld) -> None:
    """Other requests get the rest of the server's slots; the oldest request goes first."""
    await world.fill()
    later = [(await world.put("text", room=room))[0].request for room in (GARDEN, LOBBY)]
    world.server.silent |= {GARDEN, LOBBY}
    world.send()
    await turns()
    assert len(world.server.tried) == WINDOW
    for count in (1, 2):
        world.server.unanswered.pop(0)()
        await turns()
        assert world.server.tried[WINDOW:] == later[:count]


async def test_all_rooms_wait_after_a_refusal_for_speed_and_then_go_one_by_one(world: SenderWorld) -> None:
    """The server counts them together. An encrypted one is looked at again before it goes."""
    world.encryption.rooms = {GARDEN}
    (first,) = await world.put("one")
    world.server.refusals[first.request] = [ErrorCode.RATE_LIMITED]
    world.send()
    await turns()
    (second,) = await world.put("two", room=GARDEN)
    await turns()
    assert world.server.tried == [first.request]
    looks = world.encryption.looks
    await world.until(stored=2)
    assert world.server.tried[1:] == [first.request, second.request]
    assert world.encryption.looks > looks


async def test_a_pause_may_end_after_the_connection(world: SenderWorld) -> None:
    """Nobody waits for a turn any more, and none is given."""
    (first,) = await world.put("one")
    world.server.refusals[first.request] = [ErrorCode.RATE_LIMITED]
    world.send()
    await turns()
    await world.put("two", room=GARDEN)
    await turns()
    await world.stop()
    world.desk.clock.advance(5)
    assert world.server.tried == [first.request]


async def test_no_plaintext_goes_to_a_room_that_is_encrypted_while_it_waits(world: SenderWorld) -> None:
    """It waits for its turn as a message of an open room."""
    world.encryption.rooms = set()
    await world.fill()
    world.send()
    (last,) = await world.put("secret")
    await turns()
    assert last.request not in world.server.tried
    world.encryption.rooms = {LOBBY}
    world.server.unanswered.pop(0)()
    await turns()
    (sent,) = [frame for frame in world.server.frames if frame.id == last.request]
    assert isinstance(sent, SendEncrypted)


async def test_a_room_that_was_just_encrypted_keeps_no_other_one_waiting(world: SenderWorld) -> None:
    """The server knows before this device does; then it is encrypted."""
    world.encryption.rooms = set()
    (first,) = await world.put("one")
    world.server.refusals[first.request] = [ErrorCode.ENCRYPTED]
    world.send()
    await turns()
    (second,) = await world.put("two", room=GARDEN)
    await turns()
    assert world.server.tried == [first.request, second.request]
    world.encryption.rooms = {LOBBY}
    await world.until(stored=2)
    kinds = [type(frame) for frame in world.server.frames if frame.id == first.request]
    assert kinds == [Send, SendEncrypted]


async def test_what_is_cancelled_while_it_waits_for_its_turn_is_not_sent(world: SenderWorld) -> None:
    """It is encrypted already."""
    await world.fill()
    world.send()
    cancelled, kept = await world.put("never mind", "kept")
    await turns()
    assert world.encryption.encrypted == [cancelled.request, kept.request]
    await world.outbox.cancel(cancelled.request)
    world.server.unanswered.pop(0)()
    await turns()
    assert world.server.tried[WINDOW:] == [kept.request]


# an encrypted room


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.RATE_LIMITED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.TOO_MANY_IN_FLIGHT,
        ErrorCode.STALE_EPOCH,
        ErrorCode.REMOVAL_PENDING,
    ],
)
async def test_what_waits_is_not_overtaken(code: ErrorCode, world: SenderWorld) -> None:
    """The server refuses the second of four for now and would take the third: it does not get it before."""
    wanted = [one.request for one in await world.put(*"abcd")]
    world.server.refusals[wanted[1]] = [code]
    world.send()
    await world.until(stored=4)
    assert world.server.stored == wanted
    assert world.server.tried == [*wanted[:2], *wanted[1:]]
    moves = {ErrorCode.STALE_EPOCH, ErrorCode.REMOVAL_PENDING}
    assert world.encryption.moved == ([LOBBY] if code in moves else [])


async def test_what_follows_one_that_is_refused_for_good_is_encrypted_again(world: SenderWorld) -> None:
    """N2: its link says that the refused one comes before it, which never comes."""
    first, refused, last = [one.request for one in await world.put(*"abc")]
    world.server.refusals[refused] = [ErrorCode.FORBIDDEN]
    world.send()
    await world.until(stored=2)
    assert world.server.stored == [first, last]
    assert world.encryption.forgotten == [refused]
    assert world.encryption.encrypted == [first, refused, last, last]


async def test_a_held_room_is_looked_at_again_after_a_while_and_not_without_end(world: SenderWorld) -> None:
    """Nothing moves: each quarter of a minute, also after the first time; and then when something does."""
    encryption = world.encryption
    encryption.is_ready = False
    await world.put("a")
    world.send()
    await turns()
    assert encryption.looks == 1
    for looks in (2, 3, 4):
        world.desk.clock.advance(15)
        await turns()
        assert encryption.looks == looks
        assert not encryption.changes.is_set()
    encryption.change()
    await turns()
    assert encryption.looks == 5


async def test_what_waits_for_its_room_says_why_after_a_few_seconds(world: SenderWorld) -> None:
    """Encrypting waits, for whatever it is: nobody is told that the connection is missing, or nothing."""
    world.encryption.takes = asyncio.Event()
    (one,) = await world.put("a")
    world.send()
    await turns()
    world.desk.clock.advance(SAY_SECONDS - 0.1)
    assert [each.entry.problem for each in world.outbox.outgoing()] == [""]
    world.desk.clock.advance(0.2)
    (told,) = world.outbox.outgoing()
    assert "compared with the server's" in told.entry.problem
    world.encryption.takes.set()
    await turns()
    assert one.delivery is Delivery.STORED


async def test_what_is_cancelled_while_it_is_encrypted_is_not_sent(world: SenderWorld) -> None:
    """Also if encrypting it fails then, so that the rest of its room is held."""
    world.encryption.takes, world.encryption.is_ready = asyncio.Event(), False
    (one,) = await world.put("a")
    world.send()
    await turns()
    assert world.encryption.looks == 1
    await world.outbox.cancel(one.request)
    world.encryption.takes.set()
    await turns()
    world.encryption.is_ready = True
    world.encryption.change()
    await turns()
    assert world.server.tried == []


@pytest.mark.parametrize("code", [ErrorCode.STALE_EPOCH, ErrorCode.RATE_LIMITED])
async def test_what_is_given_up_before_it_is_refused_is_not_sent_again(
    world: SenderWorld, code: ErrorCode
) -> None:
    """The refusal says that it could be tried again."""
    (one,) = await world.put("a")
    world.server.refusals[one.request] = [code]
    world.server.answers = asyncio.Event()
    world.send(follow=False)
    await turns()
    assert world.server.tried == [one.request]
    await world.outbox.abandon([one.request])
    world.server.answers.set()
    await turns()
    world.desk.clock.advance(1)
    await turns()
    assert world.server.tried == [one.request]


async def test_a_program_that_only_sends_waits_for_a_slow_machine(
    world: SenderWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a minute of catching up and encrypting, in which nothing has failed, ends nothing."""
    await world.put("a", "b")
    loop, passed = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    world.encryption.takes = asyncio.Event()
    world.send(follow=False)
    await turns()
    passed += 30
    await turns()
    world.encryption.takes.set()
    await world.until(stored=2)
    assert world.encryption.looks == 1


# what is not kept


RECEIPT = ReadContent(target=new_request_id())


async def test_what_is_not_kept_goes_in_its_turn(world: SenderWorld) -> None:
    """Behind what was queued before it, and encrypted, whatever the room is."""
    first, second = await world.put("one", "two")
    world.server.answers = asyncio.Event()
    world.send()
    await turns()
    saying = asyncio.ensure_future(world.outbox.say(LOBBY, RECEIPT))
    await turns()
    assert world.server.tried == [first.request]
    assert len(world.outbox.outgoing()) == 2
    world.server.answers.set()
    async with asyncio.timeout(60):
        await saying
    assert world.server.stored[:2] == [first.request, second.request]
    assert all(isinstance(frame, SendEncrypted) for frame in world.server.frames)
    world.encryption.rooms = set()
    async with asyncio.timeout(60):
        await world.outbox.say(LOBBY, RECEIPT)
    assert all(isinstance(frame, SendEncrypted) for frame in world.server.frames)


async def test_what_is_not_kept_is_not_held(world: SenderWorld) -> None:
    """It says at once why it can't be sent, also behind a message that is held."""
    world.encryption.is_ready = False
    (held,) = await world.put("held")
    world.send()
    await turns()
    async with asyncio.timeout(60):
        with pytest.raises(NotReadyError):
            await world.outbox.say(LOBBY, RECEIPT)
    await turns()
    assert held.delivery is Delivery.QUEUED
    assert world.server.tried == []


async def test_what_is_not_kept_is_not_held_behind_what_is_just_encrypted(world: SenderWorld) -> None:
    """It came while the message before it was looked at."""
    world.encryption.takes, world.encryption.is_ready = asyncio.Event(), False
    await world.put("held")
    world.send()
    await turns()
    saying = asyncio.ensure_future(world.outbox.say(LOBBY, RECEIPT))
    await turns()
    world.encryption.takes.set()
    async with asyncio.timeout(60):
        with pytest.raises(NotReadyError):
            await saying


async def test_what_is_not_kept_is_asked_for_again_if_its_answer_was_lost(world: SenderWorld) -> None:
    """Nobody waits for it, but its number in the room must not stay open. What had not left goes no more."""
    world.server.silent = {LOBBY}
    world.send()
    sayings = [asyncio.ensure_future(world.outbox.say(LOBBY, RECEIPT)) for _ in range(2)]
    await turns()
    (sent,) = world.server.tried
    await world.stop()
    for saying in sayings:
        with pytest.raises(UnreachableError):
            await saying
    with pytest.raises(UnreachableError):
        await world.outbox.say(LOBBY, RECEIPT)
    world.server.silent = set()
    world.send()
    await turns()
    assert world.server.tried == [sent, sent]
    assert not world.outbox.has_any(LOBBY)
