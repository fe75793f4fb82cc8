# ruff: noqa: ASYNC110 - the core tells of no single write that a test could wait for
"""A server that sends nonsense: the client stays usable, says so, and loses no message of its own."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import ALICE, BEGIN, BOB, LAPTOP, LOBBY, Desk, FakeServer, heard

from parlour_client.core.archive import insertion
from parlour_client.core.client import Client
from parlour_client.core.events import EntryAdded, StatusChanged
from parlour_client.kit.connection_status import LinkState
from parlour_protocol.frames import Hello, LogEvent, MessageText, encode
from parlour_protocol.frames.bodies import Edited, Message, Reacted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.kit.ids import Millis, Seq, SessionId

LATEST = 2**53 - 1


def event(seq: int, text: str, *, at: int = BEGIN) -> LogEvent:
    """Return a message of bobby's with any number and any time."""
    body = Message(text=MessageText.parse(text))
    return LogEvent(room=LOBBY, seq=Seq(seq), at=Millis(at), author=BOB, device=LAPTOP, body=body)


async def offline(client: Client, server: FakeServer, frame: bytes) -> str:
    """Send raw bytes and return what the client says when it hangs up."""
    change = await heard(
        client,
        lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE,
        lambda: server.wires[0].say_raw(frame),
    )
    assert isinstance(change, StatusChanged)
    return change.status.problem


async def test_a_frame_that_cannot_be_read_is_reported(desk: Desk, server: FakeServer) -> None:
    """Not JSON, not UTF-8, another type, a field too many, a lone surrogate: each is told, none crashes."""
    good = encode(event(2, "x")).decode()
    frames = [
        b"nonsense", b"\xff\xfe", b"[]", b'{"type":"event"}',
        good.replace('"seq"', '"evil":1,"seq"').encode(),
        good.replace('"x"', '"\\ud800"').encode(), good.replace('"x"', '"' + "x" * 9_000 + '"').encode(),
        good.replace(":2,", ":-2,").encode(), b"{" * 5_000,
    ]  # fmt: skip
    client = await desk.open()
    for frame in frames:
        problem = await offline(client, server, frame)
        assert "cannot be read" in problem, frame[:60]
        await desk.regain(client)
    server.say("still here")
    await client.connection.ready()
    assert [entry.text for entry in await client.history.timeline(LOBBY) if entry.text] == ["still here"]


async def test_a_contradiction_changes_nothing_that_is_here(desk: Desk, server: FakeServer) -> None:
    """The same number with another author, time and text is not taken."""
    client = await desk.open()
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("as it was"))
    other = replace(event(2, "as somebody would have it", at=1), author=ALICE)
    server.wires[0].say(other)
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("next"))
    entries = [entry for entry in await client.history.timeline(LOBBY) if entry.text]
    assert [(entry.author, entry.text) for entry in entries] == [(BOB, "as it was"), (BOB, "next")]


async def test_absurd_times_are_kept_shown_and_found(desk: Desk, server: FakeServer) -> None:
    """The year 287396 and the year 1970, a thousand messages in one millisecond: each is found once."""
    client = await desk.open()
    log = server.rooms[LOBBY].log
    for number, at in enumerate([LATEST, 0, LATEST, 0, *[BEGIN] * 1_000]):
        made = event(len(log) + 1, f"odd {number}", at=at)
        log.append(made)
        server.wires[0].say(made)
    await client.connection.ready()
    async with asyncio.timeout(60):
        while client.rooms.get(LOBBY).head < len(log):  # type: ignore[union-attr]
            await asyncio.sleep(0)
    found = [entry.text for entry in await client.history.search("odd", limit=2_000)]
    assert len(found) == len(set(found)) == 1_004
    assert set(found[:2]) == {"odd 0", "odd 2"}
    assert set(found[-2:]) == {"odd 1", "odd 3"}


async def test_events_about_what_is_not_there_make_no_row(desk: Desk, server: FakeServer) -> None:
    """An edit and a reaction of a message that does not exist, of the future, of themselves."""
    client = await desk.open()
    for target in (1, 4_000, LATEST, 4):
        server.append(LOBBY, Edited(target=Seq(target), text=MessageText.parse("ghost")))
        server.append(LOBBY, Reacted(target=Seq(target), reaction=Reaction.parse("ok"), on=True))
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("after"))
    entries = await client.history.timeline(LOBBY)
    assert [entry.text for entry in entries] == [None, "after"]
    assert list(await client.history.search("ghost")) == []
    assert [list(await client.history.versions(LOBBY, Seq(seq))) for seq in (1, 4, 4_000)] == [[], [], []]


async def test_a_lie_about_the_head_loses_nothing(desk: Desk, server: FakeServer) -> None:
    """N11: events that a server claims and never gives are told of in the room; what is unsent stays."""
    server.say("honest")
    truth = server.hello()

    def lying() -> Hello:
        rooms = tuple(replace(room, head=Seq(LATEST), members=LATEST) for room in truth.rooms)
        return Hello(
            server="test", user=ALICE, device=LAPTOP, session=SessionId("s" * 22), now=Millis(BEGIN),
            incarnation=truth.incarnation, rooms=rooms,
        )  # fmt: skip

    honest, server.hello = server.hello, lying  # type: ignore[method-assign]
    client = await desk.open()
    room = client.rooms.get(LOBBY)
    assert room is not None
    assert room.trouble == f"The server says that this room has {LATEST} events, but shows none after 2."
    assert room.head == 2
    entry = await client.messages.send(LOBBY, "mine")
    assert "honest" in [one.text for one in await client.history.timeline(LOBBY)]
    server.hello = honest  # type: ignore[method-assign]
    await desk.regain(client)
    assert entry.request is not None
    await client.messages.stored(entry.request)
    assert server.texts().count("mine") == 1


async def test_more_in_one_millisecond_than_there_is_room_for(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that gives everything the same time fills no neighbour's place: all of it is kept."""
    monkeypatch.setattr(insertion, "AT_ONE_TIME", 2)
    client = await desk.open()
    log = server.rooms[LOBBY].log
    for at in (BEGIN + 10_001, *[BEGIN + 10_000] * 9):
        log.append(event(len(log) + 1, f"dense {len(log)}", at=at))
        server.wires[0].say(log[-1])
    async with asyncio.timeout(60):
        while client.rooms.get(LOBBY).head < len(log):  # type: ignore[union-attr]
            await asyncio.sleep(0)
    assert len([entry for entry in await client.history.timeline(LOBBY) if entry.text]) == 10
