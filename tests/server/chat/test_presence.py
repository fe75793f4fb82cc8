"""Who is here: told in small rooms after a moment, asked for in large ones, never stored."""

import pytest
from tests.server.chat.fakes import GENEROUS, FakePeer, World, settle, world

from parlour_protocol.errors import SESSION_ENDED
from parlour_protocol.frames.base import Status
from parlour_protocol.frames.replies import StatusNow
from parlour_protocol.frames.requests import Join, SetStatus
from parlour_server.bus.interface import RoomEphemeral, SessionsEnded
from parlour_server.chat import presence
from parlour_server.config.settings import Delivery


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell changes at the loop's next turn."""
    monkeypatch.setattr(presence, "_SETTLE", 0.0)


def heard(peer: FakePeer) -> list[tuple[str, Status]]:
    """Return the changes that a connection was told."""
    return [(frame.user, frame.status) for frame in peer.got(StatusNow)]


async def test_coming_being_away_and_going_is_told_to_those_who_share_a_room(chat: World):
    """Others hear of it once each, strangers and oneself never."""
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
    assert heard(ada) == [("bob", Status.AWAY), ("bob", Status.OFFLINE), ("bob", Status.ONLINE)]
    assert not heard(eve)


async def test_a_reconnection_is_no_news(chat: World, monkeypatch: pytest.MonkeyPatch):
    """What is as it was when it is told, is not told."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await settle()
    ada.frames.clear()
    monkeypatch.setattr(presence, "_SETTLE", 3600.0)
    chat.chat.closed(bob)
    await chat.connect("bob")
    chat.chat._presence._tell()
    await settle()
    assert not heard(ada)


async def test_the_best_of_the_devices_counts(chat: World):
    """Away on one, here on the other: here."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    other = await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    await settle()
    ada.frames.clear()
    await chat.ask(bob, SetStatus, status="away")
    assert not heard(ada)
    chat.bus.publish(SessionsEnded(frozenset({other.info.grant.session})))
    assert other.ended is SESSION_ENDED
    await settle()
    assert heard(ada) == [("bob", Status.AWAY)]


async def test_a_large_room_is_not_told():
    """Telling grows with the square of a room, so large ones ask."""
    async with world(GENEROUS, Delivery(flush_ms=0, presence_members=2)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        for name in ("bob", "cyd"):
            peer = await chat.connect(name)
            await chat.ask(peer, Join, room=room)
        await settle()
        ada.frames.clear()
        await chat.ask(peer, SetStatus, status="away")
        await settle()
        assert not heard(ada)
        away = StatusNow(user=peer.info.grant.user, status=Status.AWAY)
        chat.bus.publish(RoomEphemeral(room=room, frame=away))  # a server that counts otherwise
        await settle()
        assert not heard(ada)


async def test_nobody_is_told_of_themselves(chat: World):
    """One's other devices know."""
    ada, other = await chat.connect("ada"), await chat.connect("ada")
    await chat.make_room(ada, "lounge")
    await settle()
    for status in ("away", "online"):
        for peer in (ada, other):
            await chat.ask(peer, SetStatus, status=status)
    chat.chat.closed(ada)
    await settle()
    assert not heard(other)
