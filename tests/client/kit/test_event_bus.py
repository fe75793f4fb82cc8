"""Telling listeners of changes."""

import asyncio
import gc

import pytest
from tests.client.core.core_fake import LOBBY, Desk

from parlour_client.core.events import Change, IgnoredChanged, InvitationsChanged, RoomsChanged
from parlour_client.kit import event_bus
from parlour_client.kit.errors import StoppedError
from parlour_client.kit.event_bus import EventBus


async def test_a_reader_that_lags_behind_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow without end for a bot that never reads."""
    monkeypatch.setattr(event_bus, "MAX_LAG", 10)
    source = EventBus[Change]()
    reader = source.stream()
    first = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    for _ in range(11):
        source.emit(RoomsChanged())
    with pytest.raises(StoppedError):
        await first


async def test_a_stream_begins_when_it_is_asked_for() -> None:
    """What changes before its first step is not missed; a stream that is dropped unread leaves nothing."""
    source = EventBus[Change]()
    reader, dropped = source.stream(), source.stream()
    assert len(source._listeners) == 2
    del dropped
    gc.collect()
    assert len(source._listeners) == 1
    source.emit(change := RoomsChanged())
    assert await anext(reader) is change


def test_a_listener_hears_the_kinds_that_it_wants() -> None:
    """Others do not reach it; without a kind it hears everything."""
    source = EventBus[Change]()
    some: list[Change] = []
    every: list[Change] = []
    source.subscribe(some.append, RoomsChanged, IgnoredChanged)
    source.subscribe(every.append)
    told = RoomsChanged(), InvitationsChanged(), IgnoredChanged()
    for change in told:
        source.emit(change)
    assert some == [told[0], told[2]]
    assert every == [*told]


async def test_a_reader_that_is_cancelled_leaves_no_task() -> None:
    """A view that stops waiting leaves nothing behind that is reported when it is collected."""
    reader = EventBus[Change]().stream()
    reading = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_changes_end_with_the_client(desk: Desk) -> None:
    """A bot's loop over changes ends when the client stops."""
    client = await desk.open()

    async def all_of_them() -> int:
        return len([change async for change in client.events.stream()])

    counting = asyncio.ensure_future(all_of_them())
    await client.messages.send(LOBBY, "one")
    await client.stop()
    assert await counting > 0
    with pytest.raises(StoppedError):
        _ = client.connection.status


async def test_what_is_not_there_yet_is_looked_for_again_at_each_change() -> None:
    """It is found without a change, or after the one that brings it, and not waited for without end."""
    source = EventBus[Change]()
    there: list[str] = []

    async def look() -> str | None:
        return there[0] if there else None

    assert await source.until(look, 0.0) is None
    waiting = asyncio.ensure_future(source.until(look, 60.0))
    await asyncio.sleep(0)
    source.emit(RoomsChanged())
    there.append("a message")
    source.emit(RoomsChanged())
    assert await waiting == "a message"
    assert await source.until(look, 60.0) == "a message"
