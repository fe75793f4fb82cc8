"""Time that stands still until it is moved, and what is at work meanwhile."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final

from parlour_protocol.kit.ids import Millis

BEGIN: Final = 1_700_000_000_000
"""When a new clock begins."""


class FakeClock:
    """Time for clients and servers, which stands still until ``advance`` moves it."""

    def __init__(self) -> None:
        self.time = float(BEGIN)
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._count = itertools.count()
        self.slept: list[float] = []

    def now(self) -> Millis:
        """Return the time of day."""
        return Millis(int(self.time))

    def monotonic(self) -> float:
        """Return the time for deadlines, in seconds."""
        return self.time / 1000

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far."""
        self.slept.append(seconds)
        done = asyncio.Event()
        self.call_later(seconds, done.set)
        await done.wait()

    def call_later(self, seconds: float, call: Callable[[], None]) -> "FakeTimer":
        """Run ``call`` when the clock was moved so far."""
        timer = FakeTimer(call)
        heapq.heappush(self._timers, (self.time + seconds * 1000, next(self._count), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move on and run what is due."""
        self.time += seconds * 1000
        while self._timers and self._timers[0][0] <= self.time:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.call()


def _nothing() -> None:
    return


class FakeTimer:
    """A call that the clock makes."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call, self.cancelled = call, False

    def cancel(self) -> None:
        """Do not make it."""
        self.call, self.cancelled = _nothing, True  # as asyncio does: nothing keeps what it would have called


class Threads:
    """What the loop has handed to threads: the archives' work, and costly cryptography."""

    def __init__(self) -> None:
        self._at_work: set[asyncio.Future[Any]] = set()
        loop = asyncio.get_running_loop()
        hand_over = loop.run_in_executor

        def counted(*given: Any) -> "asyncio.Future[Any]":
            future = hand_over(*given)
            self._at_work.add(future)
            future.add_done_callback(self._at_work.discard)
            return future

        loop.run_in_executor = counted  # type: ignore[method-assign, assignment]

    async def rest(self) -> None:
        """Wait until nothing is at work, and let the loop take a turn."""
        while self._at_work:
            await asyncio.wait(self._at_work)
        await asyncio.sleep(0)
