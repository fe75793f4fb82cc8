"""The ticker of `examples/ticker`, by the commands of its README: a server, an invitation, and the table."""

import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.client.ui.conftest import screen_text
from tests.examples.programs import (
    PATIENCE,
    ExampleServer,
    assert_the_client_loads_nothing_of_the_chat,
    assert_the_server_loads_nothing_of_the_chat,
)
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.account.home import Home
from parlour_client.kit.app import LinkApp
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_protocol.kit.frames import Hello

from ticker.frames import SYMBOLS, WIRE, Pushes, Requests, Results
from ticker.screen import PriceScreen, Row


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleServer]:
    """Return a ticker that runs."""
    made = ExampleServer("ticker", tmp_path_factory.mktemp("ticker"))
    made.start()
    yield made
    made.stop()


@asynccontextmanager
async def opened(home: Path, symbols: tuple[str, ...] = SYMBOLS) -> "AsyncIterator[Pilot[None]]":
    """Open the client on a home."""
    app = LinkApp[Hello, Requests, Results, Pushes](
        "Ticker", Home(home), WIRE, partial(PriceScreen, symbols=symbols)
    )
    app.crash_log = home.with_name("crash.log")
    async with app.run_test(size=(100, 30)) as pilot:
        yield pilot


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    """Wait for something that comes over the network."""
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, screen_text(pilot)
        await pilot.pause(0.01)


async def join(pilot: Pilot[None], link: str, name: str) -> PriceScreen:
    """Join with an invitation, and wait for the table."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
    await pilot.click("#to_join")
    password = "tigress-violin-marble"
    for field, text in {"where": link, "who": name, "password": password, "repeat": password}.items():
        pilot.app.screen.query_one(f"#{field}", Input).value = text
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(pilot.app.screen, PriceScreen))
    screen = pilot.app.screen
    assert isinstance(screen, PriceScreen)
    return screen


def prices(screen: PriceScreen) -> int:
    """Return how many prices are drawn in all sparklines."""
    return sum(len(row._sparkline.data or ()) for row in screen.query(Row))


async def test_someone_joins_and_sees_prices_move(server: ExampleServer, tmp_path: Path) -> None:
    """Each symbol has its price, its change and a sparkline; the line below says how it is protected."""
    async with opened(tmp_path / "home") as pilot:
        screen = await join(pilot, server.invite(), "ada")
        await until(pilot, lambda: prices(screen) >= 3 * len(SYMBOLS))
        shown = screen_text(pilot)
        assert all(re.search(rf"{symbol} +\d+\.\d\d +[+-]\d+\.\d\d", shown) for symbol in SYMBOLS)
        await until(pilot, lambda: "TLS 1.3, key pinned" in screen_text(pilot))
    async with opened(tmp_path / "home", ("GLOBEX",)) as pilot:  # and is logged in the next time
        await until(pilot, lambda: bool(re.search(r"GLOBEX +\d+\.\d\d", screen_text(pilot))))
        assert "ACME" not in screen_text(pilot)


def test_the_readmes_client_command_is_understood(server: ExampleServer) -> None:
    """All that keeps it from opening here is that there is no terminal."""
    done = server.run_client()
    assert done.returncode == 1
    assert "The screen needs a terminal" in done.stderr


def test_the_client_loads_nothing_of_the_chat() -> None:
    """Neither of its side nor of the server's."""
    assert_the_client_loads_nothing_of_the_chat("ticker")


def test_the_server_loads_nothing_of_the_chat(tmp_path: Path) -> None:
    """Its process is asked at its end, after it has served."""
    assert_the_server_loads_nothing_of_the_chat("ticker", tmp_path)
