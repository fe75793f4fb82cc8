"""Every failure is reported, retried, or closes the connection: none is left half served."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.server.chat.service.fakes import FakePeer, World, settle, stored

from parlour_protocol.frames.bodies import Added, Kicked, Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import (
    Error,
    Hello,
    InvitationReceived,
    KeyLogAppended,
    LogEvent,
    Ok,
    RoomClosed,
    RoomEntered,
)
from parlour_protocol.frames.requests import History, Invite, Join, Kick, ListRooms, OpenDirect, Send
from parlour_protocol.identity import Head
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import INTERNAL_ERROR
from parlour_protocol.kit.frames import Frame
from parlour_server.app.log import gap_filler as gaps
from parlour_server.chat.service import hub
from parlour_server.chat.service.notices import EventCommitted, KeysChanged
from parlour_server.chat.store.types import RoomAdvanced
from parlour_server.core.connections import background_tasks as background
from parlour_server.core.errors import UnavailableError


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(gaps, "_WAIT", 0.0)
    monkeypatch.setattr(gaps, "_RETRY", 0.0)


@pytest.fixture
def fails(chat: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets a read of the store fail some times."""

    def let(name: str, error: Exception, times: int) -> None:
        part = chat.store.part_with(name)
        real, left = getattr(part, name), [times]

        async def read(*args: Any, **more: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise error
            return await real(*args, **more)

        monkeypatch.setattr(part, name, read)

    return let


def unable(monkeypatch: pytest.MonkeyPatch, peer: FakePeer, kind: type[Frame]) -> None:
    """Let what is sent to a connection fail when it is of this kind."""
    real = peer.send

    def send(frame: Frame) -> None:
        if isinstance(frame, kind):
            raise OverflowError("cannot be encoded")
        real(frame)

    monkeypatch.setattr(peer, "send", send)


async def in_a_room(chat: World) -> tuple[FakePeer, FakePeer, RoomId]:
    """Connect Ada and Bob, who are in one room."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    return ada, bob, room


@pytest.mark.parametrize("kind", [Send, History, ListRooms], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("answer", [Ok, Ok | Error], ids=["ok", "any"])
async def test_an_answer_that_cannot_be_written_closes_the_connection(
    chat: World, monkeypatch: pytest.MonkeyPatch, kind: Any, answer: Any
):
    """It closed nothing and answered no later request of that connection."""
    ada, bob, room = await in_a_room(chat)
    fields: dict[type, dict[str, str]] = {Send: {"room": room, "text": "x"}, History: {"room": room}}
    unable(monkeypatch, ada, answer)
    chat.push(ada, kind, **fields.get(kind, {}))
    await settle()
    assert ada.ended is INTERNAL_ERROR
    stored(await chat.ask(bob, Send, room=room, text="as before"))
    again = await chat.connect("ada")
    stored(await chat.ask(again, Send, room=room, text="and so am I"))


async def test_what_was_appended_is_told_though_it_cannot_be_recorded(
    chat: World, monkeypatch: pytest.MonkeyPatch
):
    """It is on the disk: its members get it, and whoever is removed is."""
    ada, bob, room = await in_a_room(chat)

    def record(*_: object, **__: object) -> None:
        raise ValueError("no log")

    monkeypatch.setattr(chat.audit, "record", record)
    assert isinstance(await chat.ask(ada, Kick, room=room, user="bob"), Ok)
    await settle()
    assert isinstance(ada.got(LogEvent)[-1].body, Kicked)
    assert bob.got(RoomClosed) == [RoomClosed(room=room)]
    assert ada.ended is None


async def test_a_greeting_that_cannot_be_written_closes_the_connection(
    chat: World, monkeypatch: pytest.MonkeyPatch
):
    """A connection without a hello would wait for ever."""

    def send(*_: object) -> None:
        raise ValueError("cannot be encoded")

    monkeypatch.setattr(FakePeer, "send", send)
    ada = chat.open("ada")
    await settle()
    assert ada.ended is INTERNAL_ERROR


@pytest.mark.parametrize("error", [UnavailableError("busy"), ValueError("once")], ids=["store", "other"])
async def test_an_invited_person_is_notified_despite_a_failed_read(
    chat: World, fails: Callable[..., None], error: Exception
):
    """The read is retried until it succeeds; they did not know the room yet."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    fails("summary", error, 3)
    await chat.bring(ada, room, "bob")
    await settle()
    assert [entered.room.room for entered in bob.got(RoomEntered)] == [room]


async def test_an_invitation_arrives_despite_a_failed_read(chat: World, fails: Callable[..., None]):
    """L14: reading the invitation is retried until it is delivered."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    fails("invitation", UnavailableError("busy"), 3)
    stored(await chat.ask(ada, Invite, room=room, user="bob"))
    await settle()
    assert [reported.invitation.room for reported in bob.got(InvitationReceived)] == [room]


async def test_a_store_that_is_busy_for_long_is_waited_for(chat: World, fails: Callable[..., None]):
    """However long it takes, no one is closed for it."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    fails("summary", UnavailableError("busy"), 20)
    await chat.bring(ada, room, "bob")
    for _ in range(5):
        await settle()
    assert [entered.room.room for entered in bob.got(RoomEntered)] == [room]


async def test_a_connection_that_cannot_be_notified_of_a_room_is_closed(
    chat: World, fails: Callable[..., None]
):
    """A reconnection brings the room with its hello."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    fails("summary", ValueError("again and again"), 5)
    await chat.bring(ada, room, "bob")
    for _ in range(5):
        await settle()
    assert bob.ended is INTERNAL_ERROR
    assert ada.ended is None
    again = await chat.connect("bob")
    assert [one.room for one in again.got(Hello)[0].rooms] == [room]


async def test_both_are_notified_of_a_direct_room_despite_a_failed_read(
    chat: World, fails: Callable[..., None]
):
    """The members of a direct room are read; that is done again, too."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    fails("members", UnavailableError("busy"), 3)
    await chat.ask(ada, OpenDirect, user="bob")
    await settle()
    assert len(bob.got(RoomEntered)) == 1


async def test_an_invitation_by_another_process_arrives_despite_a_failed_read(
    chat: World, fails: Callable[..., None]
):
    """A room that no one here listens to is read again until it could be read."""
    bob, cyd = await chat.connect("bob"), await chat.connect("cyd")
    room = await chat.make_room(cyd, "quiet")
    chat.chat.closed(cyd)
    event = chat.elsewhere(room, "cyd", Added(who=bob.info.grant.user))
    fails("page", UnavailableError("busy"), 3)
    chat.chat.journal(RoomAdvanced(room, event.seq))
    await settle()
    assert [entered.room.room for entered in bob.got(RoomEntered)] == [room]


async def test_changed_keys_are_announced_despite_a_failed_read(
    chat: World, fails: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    """A change of keys is security-relevant: the notification may be late, but it is sent."""

    async def head() -> Head:
        return Head(size=7, root=b"h" * 32)

    monkeypatch.setattr(chat.store.keylog, "head", head)
    ada = await chat.connect("ada")
    fails("rooms_of", UnavailableError("busy"), 3)
    chat.bus.publish(KeysChanged(ada.info.grant.user))
    await settle()
    assert ada.got(KeyLogAppended) == [KeyLogAppended(size=7)]


async def test_an_event_that_cannot_be_encoded_closes_those_who_miss_it(
    chat: World, monkeypatch: pytest.MonkeyPatch
):
    """It is in the log: who comes back reads it there, or goes around it."""
    ada, bob, room = await in_a_room(chat)
    cyd = await chat.connect("cyd")
    real = hub.encode

    def encode(frame: Frame) -> bytes:
        if getattr(getattr(frame, "body", None), "text", "") == "poison":
            raise ValueError("cannot be encoded")
        return real(frame)

    monkeypatch.setattr(hub, "encode", encode)
    poison = chat.elsewhere(room, "ada", Message(text=MessageText("poison")))
    chat.bus.publish(EventCommitted(poison))
    await settle()
    assert (ada.ended, bob.ended, cyd.ended) == (INTERNAL_ERROR, INTERNAL_ERROR, None)


async def test_a_member_who_cannot_be_written_to_is_closed_and_the_others_get_the_event(chat: World):
    """One failing write ended the delivery to everyone behind it."""
    ada, bob, room = await in_a_room(chat)
    cyd = await chat.connect("cyd")
    await chat.ask(cyd, Join, room=room)

    bob.is_broken = True
    stored(await chat.ask(ada, Send, room=room, text="to all"))
    await settle()
    assert bob.ended is INTERNAL_ERROR
    assert (ada.texts(room)[-1], cyd.texts(room)[-1]) == ("to all", "to all")
