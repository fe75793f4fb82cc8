"""Attacks with frames: poison, floods, and requests out of order; the neighbours notice nothing."""

import msgspec
import pytest
from tests.server.chat.service.fakes import World, refused, settle, stored, world

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import Error, LogEvent, Ok
from parlour_protocol.frames.requests import (
    CreateRoom,
    History,
    Invite,
    Join,
    ListBans,
    ListMembers,
    ListPins,
    ListRooms,
    Send,
)
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import POLICY_VIOLATION, TOO_FAST, TOO_MANY_ERRORS
from parlour_protocol.kit.ids import new_request_id
from parlour_server.chat.settings import ChatRates
from parlour_server.core.audit import AuditEvent

ID = b"A" * 22
ROOM = b"r" * 22
POISON = {
    "empty": b"",
    "not JSON": b"hello",
    "not UTF-8": b'{"type":"send","id":"%s","room":"%s","text":"\xff\xfe"}' % (ID, ROOM),
    "lone surrogate": b'{"type":"send","id":"%s","room":"%s","text":"\\ud800"}' % (ID, ROOM),
    "50,000 brackets": b"[" * 30_000,
    "deep object": b'{"a":' * 5_000,
    "deep in a field": b'{"type":"send","id":"%s","room":%s}' % (ID, b"[" * 20_000),
    "array": b"[]",
    "number": b"1",
    "null": b"null",
    "NaN": b'{"type":"mark_read","id":"%s","room":"%s","seq":NaN}' % (ID, ROOM),
    "infinite": b'{"type":"mark_read","id":"%s","room":"%s","seq":1e999}' % (ID, ROOM),
    "5,000 digits": b'{"type":"mark_read","id":"%s","room":"%s","seq":%s}' % (ID, ROOM, b"9" * 5_000),
    "float for a number": b'{"type":"mark_read","id":"%s","room":"%s","seq":1.5}' % (ID, ROOM),
    "negative": b'{"type":"mark_read","id":"%s","room":"%s","seq":-1}' % (ID, ROOM),
    "wrong type": b'{"type":"send","id":"%s","room":"%s","text":7}' % (ID, ROOM),
    "missing field": b'{"type":"send","id":"%s","room":"%s"}' % (ID, ROOM),
    "repeated key": b'{"type":"send","id":"%s","room":"%s","text":"a","text":"b"}' % (ID, ROOM),
    "repeated type": b'{"type":"send","type":"leave","id":"%s","room":"%s","text":"a"}' % (ID, ROOM),
    "unknown type": b'{"type":"sudo","id":"%s"}' % ID,
    "no type": b'{"id":"%s"}' % ID,
    "an answer": b'{"type":"ok","re":"%s"}' % ID,
    "an event": b'{"type":"event","room":"%s","seq":1,"at":1,"author":"ada"}' % ROOM,
    "trailing": b'{"type":"rooms","id":"%s"}{}' % ID,
    "NUL in text": b'{"type":"send","id":"%s","room":"%s","text":"a\\u0000b"}' % (ID, ROOM),
    "too long a text": b'{"type":"send","id":"%s","room":"%s","text":"%s"}' % (ID, ROOM, b"a" * 9_000),
    "too many lines": b'{"type":"send","id":"%s","room":"%s","text":"%s"}' % (ID, ROOM, b"\\n" * 300),
    "id with a newline": b'{"type":"rooms","id":"AAAAAAAAAAAAAAAAAAAAA\\n"}',
    "id too short": b'{"type":"rooms","id":"A"}',
    "BOM": b'\xef\xbb\xbf{"type":"rooms","id":"%s"}' % ID,
    "comment": b'{"type":"rooms","id":"%s"/**/}' % ID,
}
SPOOFED = ("from", "author", "seq", "at", "device", "role", "user")


async def test_poison_costs_its_sender_one_error_and_no_one_else_anything(
    chat: World, own_logs: list[dict[str, object]]
):
    """R4: poison message: each is one error and one line; the good goes on in between."""
    eve, ada, bob = await chat.connect("eve"), await chat.connect("ada"), await chat.connect("bob")
    room = await chat.make_room(ada, "lounge")
    await chat.ask(bob, Join, room=room)
    for number, (name, data) in enumerate(POISON.items()):
        before = len(eve.frames)
        chat.chat.received(eve, data)
        request = chat.push(ada, Send, room=room, text=f"{number}")
        await settle()
        assert [type(frame) for frame in eve.frames[before:]] == [Error], name
        error = eve.got(Error)[-1]
        assert error.code is ErrorCode.MALFORMED, name
        assert error.hint.isascii()
        stored(chat.answer(ada, request))
        assert bob.texts(room)[-1] == f"{number}"
    assert len(POISON) >= 20
    lines = [line for line in chat.audit.of(AuditEvent.REQUEST_REFUSED) if line["user"] == "eve"]
    assert len(lines) == len(POISON)
    assert not own_logs
    assert eve.ended is None
    stored(await chat.ask(eve, Send, room=await chat.make_room(eve, "mine"), text="welcome as before"))


@pytest.mark.parametrize("field", SPOOFED)
async def test_a_field_that_the_server_sets_is_refused_from_a_client(chat: World, field: str):
    """S5: mass assignment: an unknown field refuses the whole request."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    answer = await chat.ask(ada, Send, room=room, text="hi", **{field: "admin"})
    assert refused(answer).code is ErrorCode.MALFORMED
    assert chat.store.head(room) == 1


async def test_the_error_names_the_request_that_could_be_read(chat: World):
    """A client can tell which of its requests was refused; an id in flight is not taken for it."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    held = chat.store.hold("page")
    request = chat.push(ada, History, room=room)
    await settle()
    for identity, named in ((new_request_id(), True), (request, False)):
        chat.chat.received(ada, msgspec.json.encode({"type": "send", "id": identity, "room": room}))
        assert ada.got(Error)[-1].re == (identity if named else None)
    held.set()
    await settle()
    assert isinstance(chat.answer(ada, request), Ok)


async def test_a_client_that_keeps_sending_malformed_frames_is_disconnected():
    """R4: after so many in a row the connection ends; a valid one in between resets the count."""
    async with world(ChatRates(strikes=5)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        for _ in range(4):
            chat.chat.received(ada, b"x")
        stored(await chat.ask(ada, Send, room=room, text="sorry"))
        for _ in range(4):
            chat.chat.received(ada, b"x")
        assert ada.ended is None
        chat.chat.received(ada, b"x")
        assert ada.ended is TOO_MANY_ERRORS
        count = len(ada.frames)
        chat.chat.received(ada, b"x")
        assert len(ada.frames) == count


async def test_a_flood_is_refused_and_ends_its_connection_and_the_others_go_on():
    """R1: message flood: the budget, then errors with a time to wait, then the end."""
    rates = ChatRates(messages_per_minute=60, message_burst=5, strikes=10)
    async with world(rates) as chat:
        eve, ada = await chat.connect("eve"), await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        await chat.ask(eve, Join, room=room)
        for n in range(4):
            stored(await chat.ask(eve, Send, room=room, text=f"{n}"))
        error = refused(await chat.ask(eve, Send, room=room, text="over"))
        assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 1000)
        stored(await chat.ask(ada, Send, room=room, text="not ada's affair"))
        chat.clock.seconds += 1
        stored(await chat.ask(eve, Send, room=room, text="after waiting"))
        for _ in range(1000):
            chat.push(eve, Send, room=room, text="flood")
        await settle()
        assert eve.ended is TOO_FAST
        assert chat.store.head(room) == 1 + 1 + 4 + 1 + 1
        assert [line["closed"] for line in chat.audit.of(AuditEvent.LIMIT_HIT)] == [False, False, True]


async def test_more_connections_or_a_new_one_give_no_more_messages():
    """R1: the account's budget is shared by its connections and outlives them."""
    async with world(ChatRates(messages_per_minute=60, message_burst=3)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        other = await chat.connect("ada")
        stored(await chat.ask(ada, Send, room=room, text="1"))
        stored(await chat.ask(other, Send, room=room, text="2"))
        for peer in (ada, other):
            assert refused(await chat.ask(peer, Send, room=room, text="3")).code is ErrorCode.RATE_LIMITED
            chat.chat.closed(peer)
        fresh = await chat.connect("ada")
        assert refused(await chat.ask(fresh, Send, room=room, text="3")).code is ErrorCode.RATE_LIMITED


async def test_bytes_count_as_well_as_requests():
    """R1: few large frames are as much a flood as many small ones."""
    rates = ChatRates(
        bytes_per_minute=60 * 1024, bytes_burst=32_768, messages_per_minute=10**6, message_burst=10**6
    )
    async with world(rates) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        answers = [await chat.ask(ada, Send, room=room, text="x" * 8_000) for _ in range(5)]
        codes = [answer.code for answer in answers if isinstance(answer, Error)]
        assert codes == [ErrorCode.RATE_LIMITED]


async def test_reading_is_limited_for_each_connection():
    """R1: requests that store nothing have a budget too."""
    async with world(ChatRates(requests_per_minute=60, request_burst=4)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        answers = [await chat.ask(ada, History, room=room) for _ in range(4)]
        assert [type(answer) for answer in answers] == [Ok, Ok, Ok, Error]


async def test_more_connections_or_a_new_one_read_no_more():
    """L26: an account's budget of reads is shared by its connections, outlives them, and fills again."""
    async with world(ChatRates(reads_per_minute=60, read_burst=4)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        other = await chat.connect("ada")
        kinds = [(kind, {"room": room}) for kind in (ListBans, ListMembers, ListPins)]
        for kind, fields in kinds:
            assert isinstance(await chat.ask(other, kind, **fields), Ok)
        assert isinstance(await chat.ask(ada, ListRooms), Ok)
        for peer in (ada, other):
            assert refused(await chat.ask(peer, History, room=room)).code is ErrorCode.RATE_LIMITED
            chat.chat.closed(peer)
        fresh = await chat.connect("ada")
        answer = refused(await chat.ask(fresh, History, room=room))
        assert (answer.code, answer.retry_after) == (ErrorCode.RATE_LIMITED, 1000)
        chat.clock.seconds += 1
        assert isinstance(await chat.ask(fresh, History, room=room), Ok)


async def test_the_bytes_of_answers_count():
    """L26: large pages use a budget up that small ones do not."""
    rates = ChatRates(read_bytes_per_minute=2**20, read_bytes_burst=2**20)
    async with world(rates) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "lounge")
        for _ in range(40):
            stored(await chat.ask(ada, Send, room=room, text="x" * 8_000))
        answers = [await chat.ask(ada, History, room=room) for _ in range(8)]
        sizes = [len(encode(answer)) for answer in answers if isinstance(answer, Ok)]
        assert len(sizes) < 8
        assert sum(sizes[:-1]) < 2**20 <= sum(sizes)
        chat.clock.seconds += 60
        assert isinstance(await chat.ask(ada, History, room=room), Ok)


async def test_an_address_reads_as_much_as_some_accounts():
    """L26: more accounts at one address read no more; another address is not held up."""
    async with world(ChatRates(reads_per_minute=60, read_burst=3, read_shares_per_address=2)) as chat:
        taken = 0
        for name in ("ada", "bob", "cleo", "dora"):
            peer = await chat.connect(name)
            answers = [await chat.ask(peer, ListRooms) for _ in range(3)]
            taken += sum(isinstance(answer, Ok) for answer in answers)
        assert taken == 6
        elsewhere = await chat.connect("emil", address="198.51.100.9")
        assert isinstance(await chat.ask(elsewhere, ListRooms), Ok)


async def test_rooms_and_invitations_have_a_budget_by_the_hour():
    """R1: spam by making rooms or bringing people in is slow."""
    async with world(ChatRates(rooms_per_hour=2, invites_per_hour=1)) as chat:
        ada = await chat.connect("ada")
        room = await chat.make_room(ada, "one")
        await chat.make_room(ada, "two")
        answer = refused(await chat.ask(ada, CreateRoom, name="three", kind="public"))
        assert (answer.code, answer.retry_after) == (ErrorCode.RATE_LIMITED, 1_800_000)
        chat.account("bob")
        chat.account("cyd")
        stored(await chat.ask(ada, Invite, room=room, user="bob"))
        assert refused(await chat.ask(ada, Invite, room=room, user="cyd")).code is ErrorCode.RATE_LIMITED


async def test_one_request_too_many_in_flight_is_refused_and_the_rest_is_done(chat: World):
    """What one connection can queue is bounded."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    held = chat.store.hold("page")
    requests = [chat.push(ada, History, room=room) for _ in range(64)]
    over = chat.push(ada, Send, room=room, text="one too many")
    assert refused(chat.answer(ada, over)).code is ErrorCode.TOO_MANY_IN_FLIGHT
    held.set()
    for _ in range(10):
        await settle()
    assert all(isinstance(chat.answer(ada, request), Ok) for request in requests)
    stored(await chat.ask(ada, Send, room=room, text="now"))


async def test_an_id_that_is_still_in_flight_ends_the_connection(chat: World):
    """No answer could tell which of the two it is for."""
    ada = await chat.connect("ada")
    room = await chat.make_room(ada, "lounge")
    chat.store.hold("page")
    request = chat.push(ada, History, room=room)
    chat.push(ada, Send, id=request, room=room, text="the same id")
    assert ada.ended is POLICY_VIOLATION
    await settle()
    assert chat.store.head(room) == 1
    assert len(ada.got(LogEvent)) <= 1
