"""The life of a connection as the chat sees it: hello, requests, events, the end."""

import pytest
from tests.server.chat.service.fakes import World, refused, settle, stored

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Kicked, Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Hello, LogEvent, Ok
from parlour_protocol.frames.requests import History, Join, Send
from parlour_protocol.kit.errors import POLICY_VIOLATION, SESSION_ENDED
from parlour_server.chat.service.notices import EventCommitted
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.bus.bus import SessionsEnded


async def test_hello_is_the_first_frame_and_lists_every_room(chat: World):
    """A connection is greeted once, with the rooms that its user is in."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    again = await chat.connect("ada")
    hello = again.frames[0]
    assert isinstance(hello, Hello)
    assert [summary.room for summary in hello.rooms] == [room]
    assert hello.server == "chat.example"


async def test_a_request_before_the_hello_ends_the_connection(chat: World):
    """The server speaks first; a client that does not wait is refused."""
    held = chat.store.hold("greeting")
    ada = chat.open("ada")
    await settle()
    chat.push(ada, Send, room="r" * 22, text="too early")
    assert ada.ended is POLICY_VIOLATION
    held.set()
    await settle()
    assert ada.frames == []


async def test_a_message_is_acknowledged_and_reaches_every_member_in_order(chat: World):
    """A stored message is answered with its number and delivered to all members, including the author."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    requests = [chat.push(ada, Send, room=room, text=f"line {n}") for n in range(20)]
    await settle()
    numbers = [stored(chat.answer(ada, request)).seq for request in requests]
    assert numbers == list(range(3, 23))
    for peer in (ada, bob):
        assert peer.texts(room) == [f"line {n}" for n in range(20)]
        assert [event.seq for event in peer.events(room)][-20:] == numbers


async def test_a_session_that_ended_is_cut_off_and_gets_nothing_more(chat: World):
    """S2: nothing is delivered after the notice, not even what was collected before it."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    before = len(bob.frames)
    chat.push(ada, Send, room=room, text="secret")
    chat.bus.publish(SessionsEnded(frozenset({bob.info.grant.session})))
    assert bob.ended is SESSION_ENDED
    await settle()
    assert bob.frames[before:] == []
    assert ada.texts(room) == ["secret"]
    assert ada.ended is None


async def test_a_session_that_ended_before_the_chat_was_notified_is_not_greeted(chat: World):
    """S2: a session that ended after its ticket was redeemed gets no hello."""
    ada = chat.open("ada")
    grant = ada.info.grant
    await chat.store.sessions.end(ByOperator(grant.user), grant.session)
    await settle()
    assert ada.ended is SESSION_ENDED
    assert ada.frames == []


async def test_what_happens_during_the_greeting_is_not_lost(chat: World):
    """An event stored between reading the rooms and the hello is in the hello's head or delivered."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    held = chat.store.hold("greeting")
    late = chat.open("ada")
    await settle()
    await chat.ask(ada, Send, room=room, text="meanwhile")
    held.set()
    await settle()
    hello = late.frames[0]
    assert isinstance(hello, Hello)
    assert hello.rooms[0].head == 2
    await chat.ask(ada, Send, room=room, text="after")
    assert late.texts(room) == ["after"]


async def test_kicked_while_being_greeted_gets_neither_the_room_nor_its_events(chat: World):
    """S4: a membership that ended after it was read does not come to life again."""
    ada, bob = await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    held = chat.store.hold("greeting")
    late = chat.open("bob")
    await settle()
    chat.bus.publish(EventCommitted(chat.elsewhere(room, "ada", Kicked(who=bob.info.grant.user))))
    held.set()
    await settle()
    hello = late.frames[0]
    assert isinstance(hello, Hello)
    assert hello.rooms == ()
    await chat.ask(ada, Send, room=room, text="without bob")
    assert late.texts(room) == []


async def test_a_closed_connection_is_forgotten(chat: World):
    """After closed, nothing refers to the connection and its frames are ignored."""
    ada = await chat.connect("ada")
    chat.chat.closed(ada)
    chat.push(ada, Send, room="r" * 22, text="ghost")
    await settle()
    assert len(ada.frames) == 1
    assert not chat.chat._conversations


async def test_requests_of_one_connection_keep_their_order(chat: World):
    """An append that comes while another request waits for the store waits its turn."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    held = chat.store.hold("page")
    first = chat.push(ada, History, room=room)
    second = chat.push(ada, Send, room=room, text="after the page")
    third = chat.push(ada, History, room=room)
    await settle()
    assert chat.store.head(room) == 1
    held.set()
    await settle()
    order = [frame.re for frame in ada.frames if isinstance(frame, Ok)][-3:]
    assert order in ([first, second, third], [first, third, second])
    assert chat.store.head(room) == 2


async def test_a_store_that_is_down_refuses_and_stores_nothing(chat: World):
    """The answer is `unavailable`, and the connection lives on."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    chat.store.down = True
    assert refused(await chat.ask(ada, Send, room=room, text="x")).code is ErrorCode.UNAVAILABLE
    assert refused(await chat.ask(ada, History, room=room)).code is ErrorCode.UNAVAILABLE
    chat.store.down = False
    stored(await chat.ask(ada, Send, room=room, text="y"))


async def test_a_failure_no_one_foresaw_is_one_answer_and_one_line_without_content(
    chat: World, monkeypatch: pytest.MonkeyPatch, own_logs: list[dict[str, object]]
):
    """The guard answers `unavailable`; the log has no traceback and no word of the message (K7)."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(chat.store.log, "append", broken)
    monkeypatch.setattr(chat.store.log, "page", broken)
    for kind, fields in ((Send, {"text": "canary"}), (History, {})):
        assert refused(await chat.ask(ada, kind, room=room, **fields)).code is ErrorCode.UNAVAILABLE
    assert [(line["event"], line["kind"]) for line in own_logs] == [("fault", "ZeroDivisionError")] * 2
    assert "canary" not in str(own_logs)


async def test_the_author_the_time_and_the_number_are_the_servers(chat: World):
    """S5: an event carries the session's user and device, and the server's clock."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(ada, Send, room=room, text="hello")
    event = ada.got(LogEvent)[-1]
    assert (event.author, event.device) == ("ada", "laptop")
    assert event.at == chat.clock.now()
    assert event.body == Message(text=MessageText("hello"))


async def test_a_connection_that_ends_while_being_greeted_is_not_greeted(
    chat: World, own_logs: list[dict[str, object]]
):
    """S2: what was read for it is dropped, and it is subscribed to nothing."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    chat.chat.closed(ada)
    held = chat.store.hold("greeting")
    late = chat.open("ada")
    await settle()
    chat.bus.publish(SessionsEnded(frozenset({late.info.grant.session})))
    held.set()
    await settle()
    assert late.frames == []
    assert chat.program.hub.sequencer(room) is None
    assert not own_logs
