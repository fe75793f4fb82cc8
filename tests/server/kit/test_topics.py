"""Topics: encoded once, for members only, and nothing is left of one without members."""

import pytest
from tests.server.kit.connections.toy import Client, Heard, Strange, Words, settle, world

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Frame
from parlour_server.kit import topics
from parlour_server.kit.connections.peer import TOPICS
from parlour_server.kit.errors import RefusedError


def heard(client: Client) -> list[str]:
    """Return what a connection was pushed."""
    return [frame.words for frame in client.got(Heard)]


async def test_everyone_who_was_added_gets_what_is_published(monkeypatch: pytest.MonkeyPatch):
    """It is encoded once."""
    encoded: list[Frame] = []
    real = topics.encode

    def encode(frame: Frame) -> bytes:
        encoded.append(frame)
        return real(frame)

    monkeypatch.setattr(topics, "encode", encode)
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
