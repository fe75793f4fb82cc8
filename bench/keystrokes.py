"""How long a key takes to the screen while 200 messages a second arrive in the open room.

The whole client is measured: core, archive and screen, on a server in memory; only the network is left out. A
key's time begins when it is due, so that waiting for a frame that is being drawn is part of it, and ends when
the terminal was given the frame that shows it.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.client.core.core_fake import LOBBY, Desk, FakeServer
from textual.events import Key

from parlour_client.core.client import Client
from parlour_client.extras import register_all
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen

PER_SECOND: Final = 200
SECONDS: Final = 10
KEY_EVERY: Final = 0.05


class Watch:
    """What of the composer the last frame showed that went to the terminal."""

    def __init__(self, app: ParlourApp, screen: ChatScreen) -> None:
        self.shown = 0
        self.painted = asyncio.Event()
        display = app._display  # noqa: SLF001 - where every frame goes out

        def displayed(one: Any, renderable: Any) -> None:
            display(one, renderable)
            self.shown = len(screen.pane.composer.text)
            self.painted.set()

        app._display = displayed  # type: ignore[method-assign]  # noqa: SLF001


async def _flood(server: FakeServer, end: float) -> int:
    sent, start = 0, time.perf_counter()
    while time.perf_counter() < end:
        due = int((time.perf_counter() - start) * PER_SECOND)
        while sent < due:
            server.say(f"message {sent}: the quick brown fox jumps over the lazy dog, and again")
            sent += 1
        await asyncio.sleep(0.002)
    return sent


async def _typed(app: ParlourApp, screen: ChatScreen, end: float) -> list[float]:
    taken, watch, due = [], Watch(app, screen), time.perf_counter()
    while due < end:
        length = len(screen.pane.composer.text)
        app.post_message(Key("a", "a"))
        async with asyncio.timeout(5):
            while watch.shown <= length:
                watch.painted.clear()
                await watch.painted.wait()
        now = time.perf_counter()
        taken.append((now - due) * 1000)
        due = max(due + KEY_EVERY, now)
        await asyncio.sleep(due - now)
    return taken


async def measure() -> tuple[list[float], int]:
    """Return the milliseconds of each key, and how many messages came. Raises when one is not shown."""
    with tempfile.TemporaryDirectory() as folder:
        server = FakeServer()
        desk = Desk(Path(folder) / "home", server)
        await desk.sign_in()
        register_all()
        app = ParlourApp(Client(desk.home, dial=lambda _: server.dial))
        async with app.run_test(size=(100, 40)) as pilot:
            while not isinstance(screen := app.screen, ChatScreen):
                await pilot.pause()  # it starts in the background
            await screen.client.connection.ready()  # type: ignore[attr-defined]
            await screen.pane.navigation.open(LOBBY)
            end = time.perf_counter() + SECONDS
            sent, taken = await asyncio.gather(_flood(server, end), _typed(app, screen, end))
            await pilot.pause(0.5)
            if not screen.pane.timeline.follows or (screen.pane.timeline.entries[-1].seq or 0) < sent:
                raise RuntimeError("not every message is on the screen: the figures mean nothing")
        return taken, sent


def rows() -> list[list[str]]:
    """Measure for the table of all measurements."""
    taken, sent = asyncio.run(measure())
    p95 = statistics.quantiles(taken, n=20)[-1]
    return [
        [
            f"key to screen, {PER_SECOND} messages/s arriving", f"{statistics.median(taken):.1f} ms", "", "",
            "<= 30 ms", f"p95 {p95:.0f} ms, worst {max(taken):.0f} ms, {len(taken)} keys, {sent} messages",
        ]
    ]  # fmt: skip


if __name__ == "__main__":
    print(rows()[0])
