"""The sender: the requests of an encrypted room go out in order, whatever the server says of one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from tests.client.core.core_fake import ALICE, LAPTOP, LOBBY, Desk, FakeClock

from parlour_client.core.checked_text import message_text
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.messages.sender import SAY_SECONDS, RoomSender
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import DurableRequest, Item, at_of
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.outbox.room_queue import RoomQueue
from parlour_client.core.room_log.translation import Numbers
from parlour_client.kit.account.profile import Account
from parlour_client.kit.errors import ParlourClientError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId, Seq, new_request_id


@dataclass
class World:
    """The encrypting, the conversation and the outbox around a sender, which note what reaches the server."""

    refusals: dict[RequestId, list[ErrorCode]] = field(default_factory=dict)
    tried: list[RequestId] = field(default_factory=list)
    log: list[RequestId] = field(default_factory=list)
    forgotten: list[RequestId] = field(default_factory=list)
    moves: asyncio.Event = field(default_factory=asyncio.Event)
    sealed: list[RequestId] = field(default_factory=list)
    second: asyncio.Event = field(default_factory=asyncio.Event)
    """The server has two."""
    is_ready: bool = True
    looks: int = 0
    takes: asyncio.Event | None = None
    """What encrypting waits for, if for anything."""
    answers: asyncio.Event | None = None
    """What the server's answer waits for, if for anything."""

    async def encrypt(self, _room: RoomId, frames: Sequence[DurableRequest]) -> list[DurableRequest]:
        """Seal nothing: the order is what is looked at."""
        self.looks += 1
        await asyncio.sleep(0)
        if self.takes is not None:
            await self.takes.wait()
        if not self.is_ready:
            raise NotReadyError("The room is not ready.")
        self.sealed += [frame.id for frame in frames]
        return list(frames)

    def stored(self, item: Item | RoomId, stored: Stored | RequestId | None = None) -> None:
        """Hear it as the outbox does; as the encrypting, do nothing."""
        if isinstance(item, Item) and isinstance(stored, Stored):
            item.stored, item.delivery = at_of(stored), Delivery.STORED

    def failed(self, item: Item, _error: ParlourClientError) -> None:
        """Hear it as the outbox does."""
        item.delivery = Delivery.FAILED

    async def forget(self, request: RequestId) -> None:
        """Hear it as the encrypting does."""
        self.forgotten.append(request)

    def moved_on(self, _room: RoomId) -> None:
        """Nothing is encrypted again."""

    def goes(self, item: Item) -> None:
        """Hear it as the outbox does."""
        item.delivery = Delivery.SENT

    def waits(self, item: Item, _why: ParlourClientError | None) -> bool:
        """Hear it as the outbox does."""
        item.delivery = Delivery.QUEUED
        return True

    async def ask(self, frame: DurableRequest, answered: Callable[[Ok | Error], None]) -> None:
        """Be the server: refuse what must be refused, once for each code."""
        self.tried.append(frame.id)
        if self.answers is not None:
            await self.answers.wait()
        if codes := self.refusals.get(frame.id):
            reply = Error(re=frame.id, code=codes.pop(0), retry_after=1_000)
            asyncio.get_running_loop().call_soon(answered, reply)
            return
        self.log.append(frame.id)
        if len(self.log) > 1:
            self.second.set()
        done = Stored(
            room=frame.room, seq=Seq(len(self.log)), at=Millis(1), incarnation=Incarnation("i" * 22)
        )
        asyncio.get_running_loop().call_soon(answered, Ok(re=frame.id, result=done))


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
async def test_what_waits_is_not_overtaken(code: ErrorCode) -> None:
    """The server refuses the second of four for now and would take the third: it does not get it before."""
    world, clock = World(), FakeClock()
    queue = RoomQueue()
    sender = RoomSender(LOBBY, queue, world, world, world, clock, lambda: world.moves, follow=True)  # type: ignore[arg-type]
    frames = [Send(id=new_request_id(), room=LOBBY, text=message_text(text)) for text in "abcd"]
    wanted = [frame.id for frame in frames]
    world.refusals[wanted[1]] = [code]
    for position, frame in enumerate(frames):
        queue.put(Item(position, frame, Millis(1), Delivery.QUEUED))
    running = asyncio.ensure_future(sender.run())
    async with asyncio.timeout(60):
        while len(world.log) < len(wanted):
            clock.advance(0.5)
            await asyncio.sleep(0)
    running.cancel()
    assert world.log == wanted
    assert world.tried == [*wanted[:2], *wanted[1:]]


async def test_what_follows_one_that_is_refused_for_good_is_encrypted_again() -> None:
    """N2: its link says that the refused one comes before it, which never comes."""
    world, clock = World(), FakeClock()
    queue = RoomQueue()
    sender = RoomSender(LOBBY, queue, world, world, world, clock, lambda: world.moves, follow=True)  # type: ignore[arg-type]
    frames = [Send(id=new_request_id(), room=LOBBY, text=message_text(text)) for text in "abc"]
    first, refused, last = (frame.id for frame in frames)
    world.refusals[refused] = [ErrorCode.FORBIDDEN]
    for position, frame in enumerate(frames):
        queue.put(Item(position, frame, Millis(1), Delivery.QUEUED))
    running = asyncio.ensure_future(sender.run())
    async with asyncio.timeout(60):
        await world.second.wait()
    running.cancel()
    assert world.log == [first, last]
    assert world.forgotten == [refused]
    assert world.sealed == [first, refused, last, last]


async def test_a_held_room_is_looked_at_again_after_a_while_and_not_without_end() -> None:
    """Nothing moves: each quarter of a minute, also after the first time; and then when something does."""
    world, clock = World(is_ready=False), FakeClock()
    queue = RoomQueue()
    sender = RoomSender(LOBBY, queue, world, world, world, clock, lambda: world.moves, follow=True)  # type: ignore[arg-type]
    queue.put(
        Item(0, Send(id=new_request_id(), room=LOBBY, text=message_text("a")), Millis(1), Delivery.QUEUED)
    )
    running = asyncio.ensure_future(sender.run())

    async def settled() -> int:
        for _ in range(20):
            await asyncio.sleep(0)
        return world.looks

    assert await settled() == 1
    for looks in (2, 3, 4):
        clock.advance(15)
        assert await settled() == looks
        assert not world.moves.is_set()
    moved, world.moves = world.moves, asyncio.Event()
    moved.set()
    assert await settled() == 5
    running.cancel()


async def test_what_waits_for_its_room_says_why_after_a_few_seconds(desk: Desk) -> None:
    """Encrypting waits, for whatever it is: nobody is told that the connection is missing, or nothing."""
    outbox, item = await outbox_and_message(desk)
    world, queue = World(takes=asyncio.Event()), RoomQueue()
    sender = RoomSender(LOBBY, queue, outbox, world, world, desk.clock, lambda: world.moves, follow=True)  # type: ignore[arg-type]
    queue.put(item)
    running = asyncio.ensure_future(sender.run())
    await turns()
    desk.clock.advance(SAY_SECONDS - 0.1)
    assert [one.entry.problem for one in outbox.outgoing()] == [""]
    desk.clock.advance(0.2)
    (told,) = outbox.outgoing()
    assert "compared with the server's" in told.entry.problem
    assert world.takes is not None
    world.takes.set()
    await turns()
    assert item.delivery is Delivery.STORED
    running.cancel()


async def turns() -> None:
    """Let everything happen that needs no time."""
    for _ in range(20):
        await asyncio.sleep(0)


async def outbox_and_message(desk: Desk) -> tuple[Outbox, Item]:
    """Return an outbox with one message."""
    account = Account(ALICE, LAPTOP, "test:8443")
    outbox = Outbox(account, await desk.archive(), Numbers(), desk.clock, lambda _: None)
    (item,) = await outbox.put([Send(id=new_request_id(), room=LOBBY, text=message_text("a"))])
    return outbox, item


async def test_what_is_cancelled_while_it_is_encrypted_is_not_sent(desk: Desk) -> None:
    """Also if encrypting it fails then, so that the rest of its room is held."""
    outbox, item = await outbox_and_message(desk)
    world, queue = World(takes=asyncio.Event(), is_ready=False), RoomQueue()
    sender = RoomSender(LOBBY, queue, outbox, world, world, desk.clock, lambda: world.moves, follow=True)  # type: ignore[arg-type]
    queue.put(item)
    running = asyncio.ensure_future(sender.run())
    await turns()
    assert world.looks == 1
    await outbox.cancel(item.request)
    assert world.takes is not None
    world.takes.set()
    await turns()
    world.is_ready = True
    world.moves.set()
    await turns()
    running.cancel()
    assert world.tried == []


@pytest.mark.parametrize("code", [ErrorCode.STALE_EPOCH, ErrorCode.RATE_LIMITED])
async def test_what_is_given_up_before_it_is_refused_is_not_sent_again(desk: Desk, code: ErrorCode) -> None:
    """The refusal says that it could be tried again."""
    outbox, item = await outbox_and_message(desk)
    world, queue = World({item.request: [code]}), RoomQueue()
    world.answers = asyncio.Event()
    sender = RoomSender(LOBBY, queue, outbox, world, world, desk.clock, lambda: world.moves, follow=False)  # type: ignore[arg-type]
    queue.put(item)
    running = asyncio.ensure_future(sender.run())
    await turns()
    assert world.tried == [item.request]
    await outbox.abandon([item.request])
    world.answers.set()
    await turns()
    desk.clock.advance(1)
    await turns()
    running.cancel()
    assert world.tried == [item.request]


async def test_a_program_that_only_sends_waits_for_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute of catching up and encrypting, in which nothing has failed, ends nothing."""
    loop, passed = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    world, clock = World(takes=asyncio.Event()), FakeClock()
    queue = RoomQueue()
    sender = RoomSender(LOBBY, queue, world, world, world, clock, lambda: world.moves, follow=False)  # type: ignore[arg-type]
    for position in range(2):
        frame = Send(id=new_request_id(), room=LOBBY, text=message_text("a"))
        queue.put(Item(position, frame, Millis(1), Delivery.QUEUED))
    running = asyncio.ensure_future(sender.run())
    for _ in range(20):
        await asyncio.sleep(0)
    passed += 30
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.takes is not None
    world.takes.set()
    async with asyncio.timeout(60):
        await world.second.wait()
    running.cancel()
    assert world.looks == 1
