"""Prints a mock-up above its screen: ``python -m tests.client.ui.looks 132x40``; without one, a line each."""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.client.ui.looks.cases import LOOKS, compared, opened


async def _show(name: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        async with opened(LOOKS[name], Path(home)) as pilot:
            return compared(pilot.app, name)


async def _all() -> None:
    for name in LOOKS:
        found = await _show(name)
        print(f"{name:<20}{found.splitlines()[-1] if found else 'equal'}", flush=True)  # noqa: T201 - a tool's output


if __name__ == "__main__":
    os.environ |= {"TZ": "UTC", "COLORTERM": "truecolor"}
    time.tzset()
    if len(sys.argv) == 1:
        asyncio.run(_all())
    for wanted in sys.argv[1:]:
        print(asyncio.run(_show(wanted)) or f"{wanted}: equal")  # noqa: T201 - a tool's output
