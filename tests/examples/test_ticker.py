"""The ticker of `examples/ticker`, by the commands of its README: a server, an invitation, and the table."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.client.ui.conftest import screen_text
from tests.e2e.processes import reserved_port
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.account.home import Home
from parlour_client.kit.app import LinkApp
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_protocol.kit.frames import Hello

from ticker.frames import SYMBOLS, WIRE, Pushes, Requests, Results
from ticker.screen import PriceScreen, Row

TICKER = Path(__file__).parents[2] / "examples/ticker"
PATIENCE = 30.0
KIT = ("parlour_protocol", "parlour_server", "parlour_client")
LIST_MODULES = """
import atexit, os, pathlib, sys
atexit.register(lambda: pathlib.Path(os.environ["MODULES"]).write_text("\\n".join(sys.modules)))
"""


def readme_commands() -> list[str]:
    """Return what the README runs, from `-m` on: init, run, invite, client."""
    text = (TICKER / "README.md").read_text()
    return re.findall(r"^    \S+/python (-m .*)$", text, re.MULTILINE)


class TickerServer:
    """The ticker's server, started as its README says."""

    def __init__(self, folder: Path) -> None:
        self._port = reserved_port(self)
        (folder / "sitecustomize.py").write_text(LIST_MODULES)
        self._modules = folder / "modules"
        self._ready = folder / "ready"
        self._log = folder / "log"
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "MODULES": str(self._modules),
            "PYTHONPATH": str(folder),
            "TICKER_LISTEN_ADDRESS": f"127.0.0.1:{self._port}",
        }
        self._init, self._run, self._invite, self._client = readme_commands()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make its data, and serve."""
        self._done(self._init)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [*self._line(self._run), "--ready-file", str(self._ready)],
                stderr=log,
                env=self._environment,
                cwd=TICKER,
            )
        end = time.monotonic() + PATIENCE
        while not self._ready.exists():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)  # another process writes the file: there is no event to wait for
        assert urlsplit(json.loads(self._ready.read_text())["url"]).port == self._port

    def stop(self) -> None:
        """Stop as systemd does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(PATIENCE) == 0, self._log.read_text()

    def invite(self) -> str:
        """Return an invite link, as someone copies it from the terminal."""
        found = re.search(r"ticker://\S+", self._done(self._invite))
        assert found is not None
        return found[0]

    def run_client(self) -> subprocess.CompletedProcess[str]:
        """Run the client without a terminal."""
        return self._finished(self._client)

    def modules(self) -> list[str]:
        """Return what the process of the server had loaded when it ended."""
        return self._modules.read_text().splitlines()

    def _line(self, command: str) -> list[str]:
        words = command.replace("~", self._environment["HOME"]).split()
        return [sys.executable, *words]

    def _done(self, command: str) -> str:
        done = self._finished(command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _finished(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own
            self._line(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
            cwd=TICKER,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TickerServer]:
    """Return a ticker that runs."""
    made = TickerServer(tmp_path_factory.mktemp("ticker"))
    made.start()
    yield made
    made.stop()


def of_the_chat(modules: list[str]) -> list[str]:
    """Return the modules of Parlour that are not the kit's."""
    ours = [name for name in modules if name.partition(".")[0] in KIT]
    assert any(".kit." in name for name in ours)
    return [name for name in ours if name not in KIT and name.split(".")[1] != "kit"]


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
    for field, text in {"where": link, "who": name, "password": "tigress-violin-marble"}.items():
        pilot.app.screen.query_one(f"#{field}", Input).value = text
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(pilot.app.screen, PriceScreen))
    screen = pilot.app.screen
    assert isinstance(screen, PriceScreen)
    return screen


def prices(screen: PriceScreen) -> int:
    """Return how many prices are drawn in all sparklines."""
    return sum(len(row._sparkline.data or ()) for row in screen.query(Row))


async def test_someone_joins_and_sees_prices_move(server: TickerServer, tmp_path: Path) -> None:
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


def test_the_readmes_client_command_is_understood(server: TickerServer) -> None:
    """All that keeps it from opening here is that there is no terminal."""
    done = server.run_client()
    assert done.returncode == 1
    assert "The screen needs a terminal" in done.stderr


def test_the_client_loads_nothing_of_the_chat() -> None:
    """Neither of its side nor of the server's."""
    code = "import sys, ticker.client; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=TICKER
    )
    modules = done.stdout.split()
    assert of_the_chat(modules) == []
    assert not any(name.startswith("parlour_server") for name in modules)


def test_the_server_loads_nothing_of_the_chat(tmp_path: Path) -> None:
    """Its process is asked at its end, after it has served."""
    server = TickerServer(tmp_path)
    server.start()
    server.stop()
    modules = server.modules()
    assert "parlour_server.kit.server" in modules
    assert of_the_chat(modules) == []
    assert not any(name.startswith("parlour_client") for name in modules)
