"""What Textual's pilot waits for after a key: that nothing is left to do.

Its own wait takes a process for idle that used no CPU for 20 ms. One that got none, since other tests had it,
seems idle as well, with keys and messages still queued.
"""

import asyncio
from time import process_time
from typing import Any, Final

PERIOD: Final = 0.02
"""Seconds: a screen paints some 16 ms after it changed."""
BUSY: Final = 0.001
"""Seconds of CPU in a period."""
ROUNDS: Final = 1_000
"""Of the event loop: some things are always about to run."""


async def until_idle(min_sleep: float = PERIOD, max_sleep: float = 1.0) -> None:
    """Wait until hardly anything was to do for a period; at most for ``max_sleep`` seconds of periods."""
    await _until_all_ran()
    for _ in range(round(max(min_sleep, max_sleep) / PERIOD)):
        before = process_time()
        await asyncio.sleep(PERIOD)
        await _until_all_ran()
        if process_time() - before < BUSY:
            return


async def _until_all_ran() -> None:
    """Let everything run that can: callbacks, timers that are due, and what these cause."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
        if not loop._ready:
            return
