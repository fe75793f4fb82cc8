"""Textual's private interfaces that are used: a new Textual that changes one fails here first.

docs/explanation/architecture.md says why each has no public way; those of a crash are in
terminal/test_crash.py.
"""

import asyncio
import io
from itertools import count
from queue import Queue

import pytest
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.widgets import Static


async def test_an_app_has_its_driver() -> None:
    """Through which a sequence of ours goes to the terminal."""
    app = App[None]()
    async with app.run_test():
        assert app._driver is not None
        assert callable(app._driver.write)
        assert app._driver.is_headless


async def test_a_screen_knows_what_it_has_to_paint() -> None:
    """A widget that changed is in the set, and the tick paints the set and empties it."""
    app = App[None]()
    async with app.run_test() as pilot:
        static = Static("a")
        await app.screen.mount(static)
        await pilot.pause()
        assert isinstance(app.screen, Screen)
        app.screen._update_timer.stop()
        static.update("b", layout=False)
        for _ in range(50):
            await asyncio.sleep(0)
        assert static in app.screen._dirty_widgets
        app.screen._on_timer_update()
        assert static not in app.screen._dirty_widgets


async def test_a_driver_writes_through_a_thread_with_a_queue() -> None:
    """And to a file of its own, which is replaced."""
    thread = WriterThread(io.StringIO())
    assert isinstance(thread._queue, Queue)
    made = LinuxDriver(App[None](), debug=False)
    assert made._file is not None
    assert made._writer_thread is None


async def test_a_pilot_waits_for_what_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a process that gets hardly any CPU, where each timer is due before anything else has run."""
    loop, left = asyncio.get_running_loop(), 200

    def go_on() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(go_on)

    app = App[None]()
    async with app.run_test() as pilot:
        with monkeypatch.context() as starved:
            starved.setattr(loop, "time", count(loop.time()).__next__)
            go_on()
            await pilot.pause()
        assert left == 0
        left = 200
        with monkeypatch.context() as starved:
            starved.setattr(loop, "time", count(loop.time()).__next__)
            go_on()
            await pilot.press("a")
        assert left == 0
