"""The client as its users see it, on a server in memory."""

import asyncio
import gc
import weakref

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.core_fake import LOBBY, Desk, FakeServer, heard

from parlour_client.core.archive import known_rooms, outbox_table
from parlour_client.core.events import EntryAdded
from parlour_protocol.frames.requests import History
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.secret import Secret


async def test_what_was_missed_is_fetched_after_a_drop(desk: Desk, server: FakeServer) -> None:
    """A client that comes back has every event that it missed, once."""
    client = await desk.open()
    server.say("before")
    await desk.lose(client)
    for number in range(450):
        server.say(f"missed {number}", tell=False)
    await desk.regain(client)
    events = [
        event.seq for page in range(3) for event in await client.history.log(LOBBY, after=Seq(page * 200))
    ]
    assert events == list(range(1, 453))
    assert server.dials == 2


async def test_a_connection_waits_for_what_a_screen_shows_first(desk: Desk, server: FakeServer) -> None:
    """Until then what is on this device can be read, and nothing is dialled."""
    await (await desk.open()).stop()
    shown = asyncio.Event()
    client = await desk.open(ready=False, connect_after=shown)
    assert await client.history.timeline(LOBBY)
    assert server.dials == 1
    shown.set()
    await client.connection.ready()
    assert server.dials == 2


async def test_a_hole_in_pushed_events_is_fetched(desk: Desk, server: FakeServer) -> None:
    """A number out of turn means that some are missing: they are asked for, and shown in order."""
    client = await desk.open()
    server.say("lost on the way", tell=False)
    await heard(
        client, lambda c: isinstance(c, EntryAdded) and c.entry.seq == 3, lambda: server.say("arrived")
    )
    assert [row.seq for row in await client.history.timeline(LOBBY)] == [1, 2, 3]
    assert sum(isinstance(request, History) for request in server.requests) == 2


async def test_a_client_that_only_sends_fetches_nothing(desk: Desk, server: FakeServer) -> None:
    """`send` in a script does not pay for rooms that it does not read."""
    for number in range(30):
        server.say(f"old {number}", tell=False)
    client = await desk.open(follow=False)
    entry = await client.messages.send(LOBBY, "quick")
    assert entry.request is not None
    assert await client.messages.stored(entry.request) == 32
    assert not any(isinstance(request, History) for request in server.requests)


async def test_a_client_that_only_sends_stores_no_events(desk: Desk, server: FakeServer) -> None:
    """Not even those that come next in a room that is kept here: the next chat fetches them, many at a time.

    Where the server stored its messages is written down together, a moment later or when it ends.
    """
    chat = await desk.open()
    await heard(chat, lambda c: isinstance(c, EntryAdded), lambda: server.say("read here"))
    await chat.stop()
    archive = await desk.archive()
    client = await desk.open(follow=False, ready=False)
    await client.connection.connected()
    for text in ("one", "two"):
        entry = await client.messages.send(LOBBY, text)
        assert entry.request is not None
        await client.messages.stored(entry.request)
    await client.stop()
    assert [room.top for room in await archive.read(known_rooms.load)] == [2]
    rows = await archive.read(outbox_table.load)
    assert [(row.state, row.seq) for row in rows] == [("stored", 3), ("stored", 4)]
    chat = await desk.open()
    assert [row.text for row in await chat.history.timeline(LOBBY)][-2:] == ["one", "two"]
    assert not await archive.read(outbox_table.load)


async def test_a_stopped_client_keeps_no_key(desk: Desk) -> None:
    """What was locked is locked: the archive is closed, and neither its key nor the passphrase is at hand."""
    client = await desk.open()
    client._passphrase = Secret("open sesame")
    archive, made = parts(client).archive, weakref.ref(parts(client))
    await client.stop()
    assert client._passphrase is None
    with pytest.raises(RuntimeError, match="shutdown"):
        await archive.read(known_rooms.load)
    kept = weakref.ref(archive)  # which holds the archive's key, as the parts hold the account's and devices'
    del archive
    for _ in range(3):  # callbacks that were on their way
        await asyncio.sleep(0)
    gc.collect()
    assert (made(), kept()) == (None, None)
