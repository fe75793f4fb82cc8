"""Changes are drawn at once, and what comes right after is drawn together."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from textual.app import App

from parlour_client.ui.chat import deferred
from parlour_client.ui.chat.deferred import FRAME, LONGEST_PAUSE, PAUSE, Throttle, pause_after


@pytest.fixture(autouse=True)
def with_pauses() -> Iterator[None]:
    """Pause as the program does; other tests of the interface don't."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred, "pause_after", pause_after)
        yield


class Calls:
    """The times of the calls."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._called = asyncio.Event()

    def __call__(self) -> None:
        """Note a call."""
        self.times.append(time.monotonic())
        self._called.set()

    async def next(self) -> None:
        """Wait for one more."""
        self._called.clear()
        await self._called.wait()


async def test_the_first_change_is_drawn_at_once_and_those_after_it_together() -> None:
    """However many come in the pause: one call for the first, and one for the others when it has passed."""
    app = App[None]()
    async with app.run_test():
        calls = Calls()
        drawing = Throttle(app, calls)
        drawing.changed()
        await calls.next()
        for _ in range(50):
            drawing.changed()
        await calls.next()
        assert len(calls.times) == 2
        assert calls.times[1] - calls.times[0] >= PAUSE


async def test_what_was_drawn_at_once_is_not_drawn_again() -> None:
    """A change that a look at the result has drawn already makes no call of its own."""
    app = App[None]()
    async with app.run_test():
        calls = Calls()
        drawing = Throttle(app, calls)
        drawing.changed()
        drawing.draw()
        drawing.changed()
        await calls.next()
        assert len(calls.times) == 2


def test_the_pause_is_longer_on_a_machine_that_is_late() -> None:
    """Drawing takes a part of the time there, and ends up once a second; a frame late changes nothing."""
    assert pause_after(0) == pause_after(FRAME) == PAUSE
    assert PAUSE < pause_after(2 * PAUSE) < LONGEST_PAUSE
    assert pause_after(60) == LONGEST_PAUSE
