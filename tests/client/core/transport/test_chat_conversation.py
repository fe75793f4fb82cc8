"""A conversation with a server that does not keep the rules, over a wire in memory (F8)."""

import asyncio

import pytest
from tests.client.core.core_fake import LOBBY, FakeClock, FakeServer, FakeWire

from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.errors import (
    ParlourClientError,
    RefusedError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_client.kit.transport.conversation import ANSWER_SECONDS
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok, encode
from parlour_protocol.frames.replies import AnyPush, Page, Stored
from parlour_protocol.frames.requests import History, ListRooms, Typing
from parlour_protocol.frames.wire import decode_request
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId, Seq, new_request_id
from parlour_protocol.kit.limits import IN_FLIGHT


class Quiet(FakeServer):
    """A server that answers nothing by itself."""

    def received(self, wire: FakeWire, data: bytes) -> None:
        del wire
        self.heard = [*getattr(self, "heard", []), data]


async def _ignore(_: AnyPush) -> None:
    return


async def begun(server: FakeServer, clock: FakeClock) -> tuple[ChatConversation, FakeWire]:
    """Return a conversation after the hello."""
    wire = await server.dial()
    conversation = ChatConversation(wire, clock)
    await conversation.hello()
    return conversation, wire


HOSTILE = {
    "nothing": b"",
    "not JSON": b"hello",
    "not an object": b"[]",
    "unknown type": b'{"type": "gift"}',
    "unknown field": b'{"type": "room_closed", "room": "lobby_________________", "x": 1}',
    "a request": encode(ListRooms(id=new_request_id())),
    "a second hello": encode(FakeServer().hello()),
    "an answer to no request": encode(Ok(re=RequestId("r" * 22))),
    "an error without a request": b'{"type": "error", "code": "malformed"}',
    "NaN": b'{"type": "read", "room": "lobby_________________", "seq": NaN}',
    "a number over 53 bits": b'{"type": "read", "room": "lobby_________________", "seq": 9007199254740993}',
    "deep nesting": b'{"type":' * 50_000,
    "a repeated key": b'{"type": "status", "user": "bobby", "user": "bobby", "status": "online"}',
    "a name that is none": b'{"type": "status", "user": "A B", "status": "online"}',
    "a lone surrogate": b'{"type": "status", "user": "\\ud800\\ud800", "status": "online"}',
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_frame_against_the_rules_ends_the_conversation(case: str) -> None:
    """It ends in one error of ours, with a sentence that quotes nothing of the frame."""
    conversation, wire = await begun(Quiet(), FakeClock())
    wire.say_raw(HOSTILE[case])
    with pytest.raises(ServerMisbehavedError) as ended:
        await conversation.listen(_ignore)
    assert "gift" not in str(ended.value)
    assert str(ended.value).isascii()


@pytest.mark.parametrize("kind", ["page", "stored"])
async def test_numbers_of_other_logs_end_the_conversation(kind: str) -> None:
    """R22: an answer of another incarnation than the hello's has numbers that mean something else."""
    other = Incarnation("o" * 22)
    results = {
        "page": Page(room=LOBBY, events=(), more=False, incarnation=other),
        "stored": Stored(room=LOBBY, seq=Seq(1), at=Millis(1), incarnation=other),
    }
    conversation, wire = await begun(Quiet(), FakeClock())
    asked = History(id=new_request_id(), room=LOBBY)
    asking = asyncio.ensure_future(conversation.request(asked))
    await asyncio.sleep(0)
    wire.say_raw(encode(Ok(re=asked.id, result=results[kind])))
    with pytest.raises(ServerMisbehavedError, match="other logs"):
        await conversation.listen(_ignore)
    with pytest.raises(UnreachableError):
        await asking


async def test_the_hello_comes_first() -> None:
    """An event before the hello is out of turn."""
    server = Quiet()
    wire = FakeWire(server)
    wire.say_raw(b'{"type": "room_closed", "room": "lobby_________________"}')
    with pytest.raises(ServerMisbehavedError):
        await ChatConversation(wire, FakeClock()).hello()


async def test_waiting_requests_fail_when_the_wire_ends() -> None:
    """A request without an answer ends with the connection, not never."""
    conversation, wire = await begun(Quiet(), FakeClock())
    asking = asyncio.ensure_future(conversation.request(ListRooms(id=new_request_id())))
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    await asyncio.sleep(0)
    wire.drop()
    with pytest.raises(SocketClosedError):
        await listening
    with pytest.raises(UnreachableError):
        await asking
    with pytest.raises(UnreachableError):
        await conversation.request(ListRooms(id=new_request_id()))


async def test_a_silent_server_is_given_up() -> None:
    """An answer that does not come in time means that the wire is dead."""
    clock = FakeClock()
    conversation, _ = await begun(Quiet(), clock)
    asking = asyncio.ensure_future(conversation.request(ListRooms(id=new_request_id())))
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    await asyncio.sleep(0)
    clock.advance(ANSWER_SECONDS + 1)
    with pytest.raises(UnreachableError, match="not responding"):
        await listening
    with pytest.raises(UnreachableError):
        await asking


async def test_requests_wait_rather_than_break_the_limit() -> None:
    """However many are asked at once, no more are on their way than the protocol allows."""
    server = Quiet()
    conversation, wire = await begun(server, FakeClock())
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    asking = [
        asyncio.ensure_future(conversation.request(Typing(id=new_request_id(), room=LOBBY, on=True)))
        for _ in range(IN_FLIGHT.value * 2)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(server.heard) <= IN_FLIGHT.value
    answered = 0
    while not all(task.done() for task in asking):
        for data in server.heard[answered:]:
            answered += 1
            wire.say_raw(encode(Ok(re=RequestId(data.decode().split('"id":"')[1].split('"')[0]))))
        await asyncio.sleep(0)
    assert answered == IN_FLIGHT.value * 2
    wire.drop()
    with pytest.raises(ParlourClientError):
        await listening


async def test_a_hint_of_the_server_goes_through_the_rule() -> None:
    """What a server says beside a refusal cannot control the terminal."""
    conversation, wire = await begun(Quiet(), FakeClock())
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    frame = ListRooms(id=new_request_id())
    asking = asyncio.ensure_future(conversation.request(frame))
    await asyncio.sleep(0)
    wire.say_raw(encode(Error(re=frame.id, code="forbidden", hint="\x1b]0;x\x07")))  # type: ignore[arg-type]
    with pytest.raises(ParlourClientError) as refused:
        await asking
    assert refused.value.hint == "⟦ESC⟧]0;x⟦BEL⟧."
    wire.drop()
    with pytest.raises(SocketClosedError):
        await listening


class Busy(FakeServer):
    """A server that says "too fast" so many times."""

    times = 2

    def received(self, wire: FakeWire, data: bytes) -> None:
        asked = decode_request(data)
        wire.session.received(asked)
        self.times -= 1
        if self.times >= 0:
            wire.say(Error(re=asked.id, code=ErrorCode.RATE_LIMITED, retry_after=3_000))
        else:
            wire.say(Ok(re=asked.id))


async def test_reading_too_fast_waits_as_long_as_the_server_says() -> None:
    """A page is asked for again: a client that gave up would take its rooms for closed."""
    clock, server = FakeClock(), Busy()
    conversation, _ = await begun(server, clock)
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    reading = asyncio.ensure_future(conversation.read(ListRooms(id=new_request_id())))
    for waits in (1, 2):
        async with asyncio.timeout(60):
            while len(clock.slept) < waits:  # noqa: ASYNC110 - a fake clock sets no event
                await asyncio.sleep(0)
        assert not reading.done()
        clock.advance(3)
    async with asyncio.timeout(60):
        assert await reading is None
    assert clock.slept == [3.0, 3.0]
    listening.cancel()


async def test_other_requests_are_not_repeated() -> None:
    """What a person asked for is reported as refused, at once."""
    conversation, _ = await begun(Busy(), FakeClock())
    listening = asyncio.ensure_future(conversation.listen(_ignore))
    with pytest.raises(RefusedError):
        await conversation.request(Typing(id=new_request_id(), room=LOBBY, on=True))
    listening.cancel()
