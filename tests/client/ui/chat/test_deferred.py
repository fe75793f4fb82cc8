"""What is put off happens, also on a machine that stalls."""

import asyncio
import time

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual import _time
from textual.pilot import Pilot

from parlour_client.ui.chat.deferred import Deferred

DEADLINE = 60.0


class StalledClock:
    """Textual's clock on a machine that takes a tenth of a second between any two readings, for a while."""

    def __init__(self) -> None:
        self._readings = 0
        self._behind = 0.0

    def stall(self, readings: int) -> None:
        """Stall at this many readings; for ever would hold up Textual's own intervals."""
        self._readings = readings

    def __call__(self) -> float:
        """Read the clock."""
        if self._readings:
            self._readings -= 1
            self._behind += 0.1
        return time.monotonic() + self._behind


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StalledClock:
    """Put the clock in the place of Textual's."""
    made = StalledClock()
    monkeypatch.setattr(_time, "get_time", made)
    return made


async def shows(pilot: Pilot[None], text: str) -> bool:
    """Wait until a text is on the screen, until a deadline."""
    end = time.monotonic() + DEADLINE
    while text not in screen_text(pilot) and time.monotonic() < end:
        await pilot.pause(0.01)
    return text in screen_text(pilot)


async def test_rooms_and_heading_change_after_a_stall(
    client: FakeClient, open_app: OpenApp, clock: StalledClock
) -> None:
    """A stall while a refresh is planned neither loses it nor any later one."""
    async with open_app(client, size=(132, 40)) as pilot:
        await lobby(pilot)
        clock.stall(40)
        for topic in ("told during the stall", "told after the stall"):
            client.set_topic_raw(LOBBY, topic)
            assert await shows(pilot, topic)


async def test_messages_come_in_after_a_stall(
    client: FakeClient, open_app: OpenApp, clock: StalledClock
) -> None:
    """The same for the timeline, which takes in what is new once a frame."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        clock.stall(40)
        for text in ("sent during the stall", "sent after the stall"):
            await client.send(LOBBY, text)
            assert await shows(pilot, text)


async def test_it_is_done_once_however_often_it_was_asked_for(client: FakeClient, open_app: OpenApp) -> None:
    """Requests meet in one call; the next request after it makes another."""
    async with open_app(client) as pilot:
        calls: list[int] = []
        called = asyncio.Event()

        def call() -> None:
            calls.append(1)
            called.set()

        deferred = Deferred(pilot.app, call)
        for _ in range(2):
            called.clear()
            for _ in range(5):
                deferred.schedule(0)
            await called.wait()
        assert len(calls) == 2


async def test_it_is_not_done_when_it_was_cancelled(client: FakeClient, open_app: OpenApp) -> None:
    """Cancelling takes the call back, and another one can be planned."""
    async with open_app(client) as pilot:
        calls: list[str] = []
        called = asyncio.Event()
        cancelled = Deferred(pilot.app, lambda: calls.append("cancelled"))
        cancelled.schedule(0)
        cancelled.cancel()
        other = Deferred(pilot.app, called.set)
        other.schedule(60)
        other.postpone(0)
        await called.wait()
        assert not calls
