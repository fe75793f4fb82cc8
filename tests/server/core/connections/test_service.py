"""S1: no socket outlives its session, whatever the program does, and whoever reports the end."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from tests.server.core.connections.toy import WIRE, Heard, Other, Say, Words, World, hello, settle, world

from parlour_protocol.kit.errors import GOING_AWAY, INTERNAL_ERROR, POLICY_VIOLATION, SESSION_ENDED
from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import RequestId, SessionId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.core.bus.bus import SessionsEnded
from parlour_server.core.connections import service
from parlour_server.core.connections.peer import Peer
from parlour_server.core.store.records import SessionEnded

ENDED = SessionId("e" * 22)


def _by_bus(w: World) -> None:
    w.bus.publish(SessionsEnded(frozenset({ENDED})))


def _by_journal(w: World) -> None:
    w.service.journal(SessionEnded(ENDED, parse_user_name("eve")))


REPORTS = pytest.mark.parametrize("report", [_by_bus, _by_journal])


@REPORTS
async def test_the_end_of_a_session_closes_its_sockets_and_no_other(report: Callable[[World], None]):
    """S1: either report is enough; the program hears of neither."""
    async with world() as w:
        sockets = [await w.connect("eve", ENDED), await w.connect("eve", ENDED)]
        other = await w.connect("eve")
        report(w)
        assert [client.ended for client in sockets] == [SESSION_ENDED, SESSION_ENDED]
        assert await w.ask(other) == "ok"
        assert w.toy.notices == w.toy.entries == []


@REPORTS
async def test_a_session_that_ended_between_its_ticket_and_its_socket(report: Callable[[World], None]):
    """S1: the report came before the connection was known."""
    async with world() as w:
        report(w)
        late = w.open("eve", ENDED)
        await settle()
        assert (late.ended, late.frames) == (SESSION_ENDED, [])
        w.service.closed(late)
        assert ENDED not in w.activity.open


async def test_a_program_that_keeps_its_peers_cannot_reach_an_ended_one():
    """S1: pushes, topics and answers of a request that was running go nowhere."""
    async with world() as w:
        eve, ada = await w.connect("eve", ENDED), await w.connect("ada")
        done = asyncio.Event()
        w.toy.on_request = lambda *_: done.wait()
        w.send(eve)
        w.send(eve)
        await settle()
        _by_bus(w)
        seen = len(eve.frames)
        topic = w.topics.topic("all")
        for peer in w.toy.peers:
            peer.add(topic)
            peer.push(Heard(words=Words("hi")))
            peer.only(topic)
        topic.publish(Heard(words=Words("hello")))
        done.set()
        await settle()
        w.service.received(eve, b"{}")
        assert len(eve.frames) == seen
        assert len(topic) == 1
        assert [frame.words for frame in ada.got(Heard)] == ["hi", "hello"]


async def test_one_that_fails_to_close_keeps_no_other_open():
    """S1: an error in the program while it forgets a peer concerns that peer only."""

    def fail(_: Peer[list[str]]) -> None:
        raise ValueError("cannot forget")

    async with world() as w:
        sockets = [await w.connect("eve", ENDED), await w.connect("eve", ENDED)]
        w.toy.on_closed = fail
        _by_bus(w)
        assert [client.ended for client in sockets] == [SESSION_ENDED, SESSION_ENDED]
        assert not w.connected.of(parse_user_name("eve"))


async def test_other_notices_and_entries_go_to_the_program():
    """The kit knows the ends of sessions; the rest is the program's."""
    async with world() as w:
        w.bus.publish("a notice")
        w.service.journal("an entry")
        assert (w.toy.notices, w.toy.entries) == (["a notice"], ["an entry"])


async def test_requests_are_activity_of_their_session():
    """S3: a session with a socket that sends requests is not idle."""
    async with world() as w:
        eve = await w.connect("eve", ENDED)
        w.clock.pass_seconds(1000)
        w.send(eve)
        assert w.activity.last_used(ENDED, hello(w.toy.peers[0]).now) == w.clock.now()
        assert w.activity.open == {ENDED}
        w.service.closed(eve)
        assert w.activity.open == frozenset()


async def test_stopping_ends_every_connection():
    """Everyone is told to come back."""
    async with world() as w:
        ada = await w.connect()
    assert ada.ended is GOING_AWAY


async def test_nothing_is_sent_before_the_greeting():
    """What happens meanwhile comes after it, in order."""

    async def greet(peer: Peer[list[str]]) -> object:
        peer.add(w.topics.topic("all"))
        peer.push(Heard(words=Words("one")))
        await asyncio.sleep(0)
        w.topics.topic("all").publish(Heard(words=Words("two")))
        await settle()
        return hello(peer)

    async with world() as w:
        w.toy.on_greet = greet
        ada = w.open()
        for _ in range(3):
            await settle()
        assert [type(frame).__name__ for frame in ada.frames] == ["Hello", "Heard", "Heard"]
        assert [frame.words for frame in ada.got(Heard)] == ["one", "two"]
        w.topics.topic("all").publish(Heard(words=Words("three")))
        await settle()
        assert [frame.words for frame in ada.got(Heard)][2:] == ["three"]


async def test_too_much_before_the_greeting_closes_the_connection():
    """R2: what is held for a peer is bounded."""

    async def greet(peer: Peer[list[str]]) -> object:
        for _ in range(100):
            peer.push(Heard(words=Words("x" * 15_000)))
        return hello(peer)

    async with world() as w:
        w.toy.on_greet = greet
        ada = w.open()
        await settle()
        assert (ada.ended, ada.frames) == (INTERNAL_ERROR, [])


async def test_a_request_before_the_greeting_closes_the_connection():
    """The server speaks first."""
    async with world() as w:
        ada = w.open()
        w.send(ada)
        assert ada.ended is POLICY_VIOLATION


async def _never(_: Peer[list[str]]) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("greet", "code"),
    [
        (lambda _: None, SESSION_ENDED),
        (lambda _: 1 / 0, INTERNAL_ERROR),
        (lambda _: "hello", INTERNAL_ERROR),
        (lambda _: Ok(re=RequestId("r" * 22)), INTERNAL_ERROR),
        (lambda _: Other(), INTERNAL_ERROR),
        (_never, INTERNAL_ERROR),
    ],
    ids=["none", "raises", "garbage", "an answer", "another", "never"],
)
async def test_a_connection_that_is_not_greeted_is_closed(
    greet: Callable[[Peer[list[str]]], object], code: object, monkeypatch: pytest.MonkeyPatch
):
    """R4: and the others are greeted as before."""
    monkeypatch.setattr(service, "ANSWER_SECONDS", 0.0)
    async with world() as w:
        w.toy.on_greet = greet
        eve = w.open("eve")
        for _ in range(5):
            await settle()
        assert (eve.ended, eve.frames) == (code, [])
        w.toy.on_greet = hello
        monkeypatch.setattr(service, "ANSWER_SECONDS", 60.0)
        assert await w.ask(await w.connect("ada")) == "ok"


async def test_a_connection_without_a_state_is_closed():
    """R4: `opened` never raises, because the network cannot do anything about it."""
    async with world() as w:
        w.toy.on_state = lambda _: 1 / 0
        eve = w.open("eve")
        assert eve.ended is INTERNAL_ERROR
        w.toy.on_state = lambda _: ["state"]
        ada = await w.connect("ada")
        assert w.toy.peers[-1].state == ["state", "greeted"]
        assert await w.ask(ada, Say) == "ok"


async def test_a_push_that_clients_cannot_read_closes_the_connection():
    """An answer is not a push: a program cannot answer twice."""
    async with world() as w:
        ada, bob = await w.connect("ada"), await w.connect("bob")
        w.toy.peers[0].push(cast("Any", WIRE.ok(w.send(bob))))
        assert (ada.ended, len(ada.frames)) == (INTERNAL_ERROR, 1)
        assert bob.ended is None
        w.toy.peers[1].push(Heard(words=Words("two\nlines")))
        assert (bob.ended, bob.unreadable) == (INTERNAL_ERROR, [])
