"""Fixtures of the UI's tests: a client in memory, and the app on it at a size."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")

from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from parlour_client.ui.account_switcher import Accounts
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat import deferred, screen
from parlour_client.ui.chat.gc_tuning import Collector
from parlour_client.ui.chat.screen import ChatScreen

OpenApp = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


def calm_hands() -> Callable[[], float]:
    """Return a clock by which each key comes a second after the last one, or after what it answers."""
    return count(0.0, 1.0).__next__


def screen_text(pilot: Pilot[None]) -> str:
    """Return what is on the screen, row by row."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def settled(pilot: Pilot[None], turns: int = 2) -> None:
    """Wait until workers and the messages that they caused are done."""
    for _ in range(turns):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def lobby(pilot: Pilot[None]) -> ChatScreen:
    """Open the lobby."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(LOBBY)
    await settled(pilot)
    return screen


async def write(pilot: Pilot[None], text: str) -> None:
    """Type a line and press Enter."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    screen.write()
    screen.pane.composer.put(text)
    await pilot.press("enter")
    await settled(pilot)


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Keep style sheets parsed for the next app, which reads the same ones in the same colours."""
    parse, kept = Stylesheet._parse_rules, dict[tuple[Any, ...], list[Any]]()

    def parsed(sheet: Stylesheet, css: str, *where: Any, **rest: Any) -> list[Any]:
        key = (css, where, tuple(rest.items()), tuple(sheet._variables.items()))
        if key not in kept:
            kept[key] = parse(sheet, css, *where, **rest)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parsed)
        yield


class Untuned(Collector):
    """Freezes and unfreezes nothing: the frozen objects are the test worker's own modules and tests."""

    def start(self) -> None:
        """Freeze nothing."""

    def stop(self) -> None:
        """Give nothing back."""


@pytest.fixture(scope="session", autouse=True)
def frozen_by_the_worker() -> Iterator[None]:
    """Let no app that closes give the worker's modules and tests back to the next search for garbage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "Collector", Untuned)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawn_without_pauses() -> Iterator[None]:
    """Let every change be drawn with the next frame: what is on the screen is what a test asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred, "pause_after", lambda _late: 0.0)
        yield


@pytest.fixture(scope="module")
def in_utc() -> Iterator[None]:
    """Let times be the same everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def client() -> FakeClient:
    """Return a client with a lobby, a garden and a direct room with bob."""
    return FakeClient.peopled()


@pytest.fixture
def open_app(tmp_path: Path) -> OpenApp:
    """Return what opens the app on a client; tooltips and notifications are on, as for a person."""

    @asynccontextmanager
    async def opened(
        client: FakeClient,
        size: tuple[int, int] = (80, 24),
        folder: Path | None = None,
        accounts: Accounts | None = None,
        *,
        settle: bool = True,
    ) -> AsyncIterator[Pilot[None]]:
        app = ParlourApp(client, folder=folder, accounts=accounts)
        app.crash_log = tmp_path / "crash.log"
        app.keys.now = calm_hands()
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            if settle:
                await settled(pilot)
            yield pilot

    return opened
