"""A clock that a test moves: then sessions expire, budgets refill, and background work wakes."""

import asyncio
import time
from asyncio import Future

from parlour_protocol.kit.ids import Millis


class FakeClock:
    """Stands still until ``forward`` is called. It begins now, so that certificates made by it are valid."""

    def __init__(self, wall: int | None = None) -> None:
        """Begin at ``wall`` (milliseconds since 1970), or now."""
        self.wall = time.time_ns() // 1_000_000 if wall is None else wall
        self.seconds = 1000.0
        self._sleeping: list[tuple[float, Future[None]]] = []

    def now(self) -> Millis:
        """Return the time of day."""
        return Millis(self.wall)

    def monotonic(self) -> float:
        """Return the time for deadlines."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.seconds + seconds, woken))
        await woken

    def forward(self, seconds: float) -> None:
        """Let time pass, and wake those whose sleep is over; call it in the event loop that they sleep in.

        They run when the test waits for something. A loop wakes once, however far the clock goes, and a sleep
        that begins after this call ends with a later one.
        """
        self.wall += int(seconds * 1000)
        self.seconds += seconds
        left = [(until, woken) for until, woken in self._sleeping if not woken.done()]
        self._sleeping = [sleeper for sleeper in left if sleeper[0] > self.seconds]
        for until, woken in left:
            if until <= self.seconds:
                woken.set_result(None)
