"""Topics: encoded once, for members only, and nothing is left of one without members."""

import asyncio
from secrets import token_hex
from typing import Any, cast

import pytest
from tests.server.core.connections.toy import Client, Heard, Strange, Words, settle, world

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Frame
from parlour_server.app.kit_notices import KIT_NOTICES
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.bus import NatsBus
from parlour_server.core.clock import SystemClock
from parlour_server.core.connections import pushes
from parlour_server.core.connections.peer import TOPICS
from parlour_server.core.connections.topics import Topics
from parlour_server.core.errors import RefusedError
from tests import nats


def heard(client: Client) -> list[str]:
    """Return what a connection was pushed."""
    return [frame.words for frame in client.got(Heard)]


async def test_everyone_who_was_added_gets_what_is_published(monkeypatch: pytest.MonkeyPatch):
    """It is encoded once."""
    encoded: list[Frame] = []
    real = pushes.encode

    def encode(frame: Frame) -> bytes:
        encoded.append(frame)
        return real(frame)

    monkeypatch.setattr(pushes, "encode", encode)
    async with world() as w:
        clients = [await w.connect(name) for name in ("ada", "bob", "cyd")]
        for peer in w.toy.peers[:2]:
            peer.add(w.topics.topic("news"))
        w.topics.topic("news").publish(Heard(words=Words("one")))
        w.topics.topic("news").publish(Heard(words=Words("two")))
        await settle()
        assert [heard(client) for client in clients] == [["one", "two"], ["one", "two"], []]
        assert len(encoded) == 2


async def test_a_topic_without_members_is_forgotten():
    """A program may name as many as it likes; publishing to no one costs nothing."""
    async with world() as w:
        ada = await w.connect()
        [peer] = w.toy.peers
        for number in range(100):
            w.topics.topic(str(number)).publish(Heard(words=Words("to no one")))
        assert len(w.topics) == 0
        kept = w.topics.topic("news")
        peer.add(kept, w.topics.topic("more"))
        assert len(w.topics) == 2
        peer.remove(w.topics.topic("more"))
        w.service.closed(ada)
        assert len(w.topics) == len(kept) == 0
        bob = await w.connect("bob")
        w.toy.peers[-1].add(w.topics.topic("news"))
        kept.publish(Heard(words=Words("again")))
        await settle()
        assert heard(bob) == ["again"]


async def test_a_peer_that_closes_leaves_all_topics():
    """However it closes; one that is closed joins none."""
    async with world() as w:
        await w.connect()
        [peer] = w.toy.peers
        peer.add(*(w.topics.topic(str(number)) for number in range(5)))
        peer.fail()
        assert len(w.topics) == 0
        peer.add(w.topics.topic("late"))
        assert len(w.topics) == 0


async def test_only_these_topics():
    """The others are left, and those that stay miss nothing."""
    async with world() as w:
        ada = await w.connect()
        [peer] = w.toy.peers
        a, b, c = (w.topics.topic(name) for name in "abc")
        peer.only(a, b)
        for topic in (a, b, c):
            topic.publish(Heard(words=Words(f"{topic.name}1")))
        peer.only(b, c)
        for topic in (a, b, c):
            topic.publish(Heard(words=Words(f"{topic.name}2")))
        await settle()
        assert sorted(heard(ada)) == ["a1", "b1", "b2", "c2"]
        peer.only()
        assert len(w.topics) == 0


async def test_being_added_twice_is_being_added_once():
    """No one gets anything twice."""
    async with world() as w:
        ada = await w.connect()
        [peer] = w.toy.peers
        peer.add(w.topics.topic("news"), w.topics.topic("news"))
        peer.add(w.topics.topic("news"))
        w.topics.topic("news").publish(Heard(words=Words("once")))
        await settle()
        assert heard(ada) == ["once"]


async def test_what_clients_cannot_read_is_not_published():
    """They would all disconnect."""
    async with world() as w:
        ada = await w.connect()
        w.toy.peers[0].add(w.topics.topic("news"))
        with pytest.raises(ProgramError, match="Strange"):
            w.topics.topic("news").publish(Strange())
        with pytest.raises(ProgramError, match=r"would not read this Heard: .*words"):
            w.topics.topic("news").publish(Heard(words=Words("two\nlines")))
        with pytest.raises(ProgramError, match="more than a client takes"):
            w.topics.topic("news").publish(Heard(words=Words("x" * 1024 * 1024)))
        await settle()
        assert (heard(ada), ada.ended) == ([], None)


async def test_no_one_has_any_number_of_topics():
    """Someone who asks for too many is refused, and keeps those that there were."""
    async with world() as w:
        ada = await w.connect()
        [peer] = w.toy.peers
        peer.add(*(w.topics.topic(str(number)) for number in range(TOPICS - 1)))
        for ask in (peer.add, peer.only):
            with pytest.raises(RefusedError, match="limit_reached"):
                ask(*(w.topics.topic(f"more {number}") for number in range(TOPICS + 1)))
        peer.add(w.topics.topic("0"), w.topics.topic("news"), w.topics.topic("news"))
        assert len(w.topics) == TOPICS
        w.topics.topic("0").publish(Heard(words=Words("still")))
        await settle()
        assert heard(ada) == ["still"]


class FakePeer:
    """A member that keeps what it is written."""

    closed = False

    def __init__(self) -> None:
        self.wire = b""
        self.arrived = asyncio.Event()

    def write_unchecked(self, wire: bytes) -> None:
        """Keep it."""
        self.wire += wire
        self.arrived.set()


async def test_members_at_other_servers_get_what_is_published():
    """Encoded once for all servers; one without members hears nothing, and what is only for here stays."""
    prefix = f"toy.{token_hex(8)}"
    loop, address = asyncio.get_running_loop(), NatsAddress.parse(nats.server().url)
    buses = [NatsBus(address, KIT_NOTICES, prefix=prefix, clock=SystemClock()) for _ in range(3)]
    sides = [Topics(loop, 0.0, frozenset({Heard}), bus) for bus in buses]
    here, there = FakePeer(), FakePeer()
    for bus in buses:
        await bus.open()
    try:
        listening = asyncio.Event()
        buses[1].on_loss(lambda subjects: listening.set() if subjects else None)
        sides[0].topic("news").add(cast("Any", here))
        sides[1].topic("news").add(cast("Any", there))
        await listening.wait()
        sides[0].topic("news").publish_here(Heard(words=Words("only here")))
        sides[0].topic("news").publish(Heard(words=Words("everywhere")))
        sides[2].topic("news").publish(Heard(words=Words("from a server without members")))
        async with asyncio.timeout(60):
            while there.wire.count(b"words") < 2:
                there.arrived.clear()
                await there.arrived.wait()
            while here.wire.count(b"words") < 3:
                here.arrived.clear()
                await here.arrived.wait()
        assert b"only here" not in there.wire
        assert buses[2].counts.received == 0
        with pytest.raises(ProgramError):
            sides[2].topic("news").publish(Strange())
        sides[1].topic("news").remove(cast("Any", there))
    finally:
        for bus in buses:
            await bus.close()
