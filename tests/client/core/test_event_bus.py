"""Telling listeners of changes."""

import asyncio

import pytest

from parlour_client.core import event_bus
from parlour_client.core.errors import StoppedError
from parlour_client.core.event_bus import EventBus
from parlour_client.core.events import RoomsChanged


async def test_a_reader_that_lags_behind_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow without end for a bot that never reads."""
    monkeypatch.setattr(event_bus, "MAX_LAG", 10)
    source = EventBus()
    reader = source.stream()
    first = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    for _ in range(11):
        source.emit(RoomsChanged())
    with pytest.raises(StoppedError):
        await first
