"""Presence: announced in small rooms after a moment, queried in large ones, never stored."""

import asyncio

import pytest
from tests.server.chat.service.fakes import GENEROUS, FakePeer, World, settle, world

from parlour_protocol.frames.replies import StatusUpdate
from parlour_protocol.frames.requests import Join, ListMembers, SetStatus
from parlour_protocol.kit.errors import SESSION_ENDED
from parlour_protocol.rooms import Status
from parlour_server.chat.capabilities.online_status import presence
from parlour_server.chat.capabilities.online_status.presence import STATUSES_PER_MINUTE, Presence
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import Delivery
from parlour_server.core.bus.bus import SessionsEnded


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell changes at the loop's next turn."""
    monkeypatch.setattr(presence, "_DELAY", 0.0)


def announced_up_to(members: int) -> Delivery:
    """Return settings by which presence is announced in rooms of up to so many."""
    settings = type(CHAT.settings_type().delivery)
    return settings(flush_ms=0, presence_members=members)  # type: ignore[call-arg]


def presence_of(chat: World) -> Presence:
    """Return what says who is there."""
    found = chat.program.hooks.status
    assert found is not None
    presence: Presence = found.__self__  # type: ignore[attr-defined]
    return presence


def statuses_received(peer: FakePeer) -> list[tuple[str, Status]]:
    """Return the status changes that a connection received."""
    return [(frame.user, frame.status) for frame in peer.got(StatusUpdate)]


async def test_presence_is_announced_to_people_who_share_a_room(chat: World):
    """Others get it once each, strangers and oneself never."""
    ada, eve = await chat.connect("ada"), await chat.connect("eve")
    rooms = [await chat.make_room(ada, name) for name in ("one", "two", "three")]
    bob = await chat.connect("bob")
    for room in rooms:
        await chat.ask(bob, Join, room=room)
    ada.frames.clear()
    await chat.ask(bob, SetStatus, status="away")
    chat.chat.closed(bob)
    await settle()
    await chat.connect("bob")
    await settle()
    assert statuses_received(ada) == [("bob", Status.AWAY), ("bob", Status.OFFLINE), ("bob", Status.ONLINE)]
    assert not statuses_received(eve)


async def test_a_reconnection_is_no_news(chat: World, monkeypatch: pytest.MonkeyPatch):
    """A status that changed back is not announced."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await settle()
    ada.frames.clear()
    monkeypatch.setattr(presence, "_DELAY", 3600.0)
    chat.chat.closed(bob)
    await chat.connect("bob")
    presence_of(chat)._start_announcing()
    await settle()
    assert not statuses_received(ada)


async def test_someone_who_asked_during_a_reconnection_is_told_how_it_ended(
    chat: World, monkeypatch: pytest.MonkeyPatch
):
    """They were told that bob is offline; for everyone else nothing has changed, so nothing would come."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await settle()
    ada.frames.clear()
    monkeypatch.setattr(presence, "_DELAY", 3600.0)
    chat.chat.closed(bob)
    await chat.ask(ada, ListMembers, room=room)
    await chat.connect("bob")
    presence_of(chat)._start_announcing()
    await settle()
    assert statuses_received(ada) == [("bob", Status.ONLINE)]


async def test_the_best_of_the_devices_counts(chat: World):
    """Away on one, here on the other: here."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    other = await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await settle()
    ada.frames.clear()
    await chat.ask(bob, SetStatus, status="away")
    assert not statuses_received(ada)
    chat.bus.publish(SessionsEnded(frozenset({other.info.grant.session})))
    assert other.ended is SESSION_ENDED
    await settle()
    assert statuses_received(ada) == [("bob", Status.AWAY)]


async def test_presence_is_not_announced_in_a_large_room():
    """Telling grows with the square of a room, so large ones ask."""
    async with world(GENEROUS, announced_up_to(2)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        for name in ("bob", "cyd"):
            peer = await chat.connect(name)
            await chat.ask(peer, Join, room=room)
        await settle()
        ada.frames.clear()
        await chat.ask(peer, SetStatus, status="away")
        await settle()
        assert not statuses_received(ada)


async def test_no_one_is_notified_of_their_own_presence(chat: World):
    """One's other devices know."""
    ada, other = await chat.connect("ada"), await chat.connect("ada")
    await chat.make_room(ada, "lounge")
    await settle()
    for status in ("away", "online"):
        for peer in (ada, other):
            await chat.ask(peer, SetStatus, status=status)
    chat.chat.closed(ada)
    await settle()
    assert not statuses_received(other)


async def crowd(chat: World, count: int) -> list[FakePeer]:
    """Connect people who are all in one room, and drop what they received so far."""
    first = await chat.connect("user0")
    room = await chat.make_room(first, "lounge")
    peers = [first]
    for number in range(1, count):
        peers.append(await chat.connect(f"user{number}"))
        await chat.ask(peers[-1], Join, room=room)
    for _ in range(count):
        await settle()
    for peer in peers:
        peer.frames.clear()
        peer.writes.clear()
    return peers


async def restart(chat: World, count: int) -> list[FakePeer]:
    """Let everyone be gone and come back at once, as after a restart."""
    peers = [chat.open(f"user{number}") for number in range(count)]
    for _ in range(count):
        await settle()
    return peers


async def test_after_a_restart_the_statuses_grow_with_the_people_and_not_with_their_square():
    """2,000 people who shared small rooms were sent 102 MiB; each connection has a budget for it."""
    reported = {}
    for count in (100, 200):
        async with world(GENEROUS, announced_up_to(1000)) as chat:
            for peer in await crowd(chat, count):
                chat.chat.closed(peer)
            for _ in range(count):
                await settle()
            chat.clock.seconds += 3600
            reported[count] = [len(statuses_received(peer)) for peer in await restart(chat, count)]
    assert all(0 < statuses <= STATUSES_PER_MINUTE for count in reported for statuses in reported[count])
    assert sum(reported[200]) <= 2.2 * sum(reported[100])


async def test_statuses_over_the_rate_limit_arrive_later_newest_first():
    """A minute on there is a budget again, for those who changed last."""
    async with world(GENEROUS, announced_up_to(1000)) as chat:
        ada, *others = await crowd(chat, STATUSES_PER_MINUTE + 60)
        chat.clock.seconds += 3600
        for peer in others:
            chat.push(peer, SetStatus, status="away")
        for _ in range(100):
            await settle()
        assert len(statuses_received(ada)) == STATUSES_PER_MINUTE
        chat.clock.seconds += 60
        presence_of(chat)._try_again()
        for _ in range(10):
            await settle()
        assert len(statuses_received(ada)) == STATUSES_PER_MINUTE + presence._LATER
        assert len(set(statuses_received(ada))) == len(statuses_received(ada))


async def test_one_turn_of_the_loop_tells_of_few_people(monkeypatch: pytest.MonkeyPatch):
    """However many came at once: what is asked meanwhile is answered in between."""
    async with world(GENEROUS, announced_up_to(1000)) as chat:
        people = await crowd(chat, 60)
        monkeypatch.setattr(presence, "_ROOMS_AT_ONCE", 4)
        chat.clock.seconds += 3600
        for peer in people[1:]:
            chat.push(peer, SetStatus, status="away")
        await asyncio.sleep(0)
        for _ in range(3):
            before = len(statuses_received(people[0]))
            await asyncio.sleep(0)
            assert len(statuses_received(people[0])) - before <= 4
