"""A program's app against a real server on loopback: joining, its screen, and logging in again.

The server is the kit's ticker; its client shows prices, and has two dozen lines of its own.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from tests.client.ui.conftest import calm_hands, screen_text
from tests.server.app.test_app import Ticker
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from parlour_client.kit.account.home import PROFILE, Home
from parlour_client.kit.app import LinkApp, LinkScreen
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import language
from parlour_client.kit.link import Link
from parlour_client.kit.transport.trust import CaFile, Trust
from parlour_client.kit.widgets.login_again import LoginAgainScreen
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_client.kit.widgets.problem_line import ProblemLine
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.kit.widgets.status_line import StatusLine
from parlour_protocol.kit.frames import Hello, Part
from parlour_protocol.kit.ids import new_request_id
from parlour_server.testing.server import PASSWORD

from ticker.frames import Price, Watch
from ticker.server import app

PATIENCE = 60.0
TICKER = app.wire
ESCAPES = "\x1b]0;title\x07\x9b31m"


class PricesScreen(LinkScreen[Hello, Watch, Part, Price]):
    """The ticker's client."""

    def __init__(self, link: Link[Hello, Watch, Part, Price]) -> None:
        super().__init__(link)
        self.greetings = 0

    def compose(self) -> ComposeResult:
        """Lay out; the second widget forgets every rule."""
        yield SafeStatic(id="price")
        yield Static(f"careless {ESCAPES}", markup=False)

    async def connected(self, greeting: Hello) -> None:
        """Watch one symbol, on each connection."""
        del greeting
        self.greetings += 1
        await self.link.ask(Watch(id=new_request_id(), symbols=("ACME",)))

    def pushed(self, push: Price) -> None:
        """Show the price."""
        self.query_one("#price", SafeStatic).show(join(peer_line(push.symbol), own(f" costs {push.cents}")))


class LeavingScreen(PricesScreen):
    """Goes only when a price has come that finds no widget."""

    gone = False

    async def on_unmount(self) -> None:
        """Wait for the price: its error ends the link."""
        with pytest.raises(NoMatches):
            await asyncio.wait_for(self.link.ended(), PATIENCE)
        self.gone = True


class StyledScreen(PricesScreen):
    """Has a style for everything that it has, and for what the kit's lines are made of."""

    DEFAULT_CSS = """
    StyledScreen Vertical, StyledScreen SafeStatic, StyledScreen Static { height: 9; margin: 3; color: red; }
    """


class RefusedScreen(PricesScreen):
    """Asks for what there is not, in all the ways in which a screen asks, and catches nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "ask"),
        Binding("f3", "work"),
    ]

    mistaken = False

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield SafeStatic(id="price")
        yield Input()

    async def connected(self, greeting: Hello) -> None:
        """Ask."""
        await super().connected(greeting)
        await self.ask("GREETING")

    async def ask(self, symbol: str) -> None:
        """Ask for the price of something that the server does not know."""
        if self.mistaken:
            raise ZeroDivisionError
        await self.link.ask(Watch(id=new_request_id(), symbols=(symbol,)))

    async def action_ask(self) -> None:
        """Ask."""
        await self.ask("ACTION")

    async def on_input_submitted(self) -> None:
        """Ask."""
        await self.ask("MESSAGE")

    def action_work(self) -> None:
        """Ask in a worker."""
        self.run_worker(self.ask("WORKER"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ticker]:
    """Return a ticker that runs."""
    server = Ticker(tmp_path_factory.mktemp("ticker"))
    server.command("init")
    server.start()
    yield server
    server.stop()


def invite(server: Ticker) -> str:
    """Return an invite link."""
    link: str = json.loads(server.command("invite", "create", "--json"))["link"]
    return link


@asynccontextmanager
async def opened(
    home: Path, trust: Trust | None = None, screen: type[PricesScreen] = PricesScreen
) -> "AsyncIterator[Pilot[None]]":
    """Open the program's app on a home."""
    app = LinkApp[Hello, Watch, Part, Price]("Ticker", Home(home), TICKER, screen, trust=trust)
    app.crash_log = home.with_name("crash.log")
    app.keys.now = calm_hands()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        yield pilot


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    """Wait for something that comes over the network."""
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, screen_text(pilot)
        await pilot.pause(0.01)


def on_screen(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Return whether the screen has these words."""
    return lambda: words in screen_text(pilot)


async def fill(pilot: Pilot[None], **fields: str) -> None:
    """Type into the login screen, and log in."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
    if pilot.app.screen.query_one("#modes").display:
        pilot.app.screen.query_one("#to_join" if "://" in fields["where"] else "#to_login", Button).press()
        await pilot.pause()
    for name, text in (fields | {"repeat": fields["password"]}).items():
        pilot.app.screen.query_one(f"#{name}", Input).value = text
    await pilot.press("ctrl+s")


async def test_someone_joins_and_the_program_is_shown(server: Ticker, tmp_path: Path) -> None:
    """Its screen comes with the greeting, above a line that says how the connection is protected."""
    home = tmp_path / "home"
    async with opened(home) as pilot:
        await fill(pilot, where=invite(server), who="ada", password=PASSWORD, device="box")
        await until(pilot, on_screen(pilot, "ACME costs"))
        await until(pilot, on_screen(pilot, "TLS 1.3, key pinned"))
        assert "connected" in screen_text(pilot)
        assert "you: ada" in screen_text(pilot)
    saved = home / PROFILE
    assert saved.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in saved.read_text()

    async with opened(home, screen=StyledScreen) as pilot:  # and is known the next time
        await until(pilot, on_screen(pilot, "ACME costs"))
        screen = pilot.app.screen
        assert isinstance(screen, StyledScreen)
        assert screen.query_one("#price").size.height == 9
        assert screen.query_one(StatusLine).region == Region(0, 29, 100, 1)
        screen.tell_problem(SetupError("That did not work."))
        await pilot.pause()
        assert screen.query_one(ProblemLine).region == Region(0, 28, 100, 1)


async def test_ctrl_c_says_how_to_quit(tmp_path: Path) -> None:
    """In the person's language, and with the key that quits."""
    language.use(["de"])
    try:
        async with opened(tmp_path / "ticker") as pilot:
            await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
            await pilot.press("ctrl+c")
            await until(pilot, on_screen(pilot, "Strg+C beendet das Programm nicht. Strg+Q"))
    finally:
        language.use([])


async def test_the_connection_is_closed_before_the_app_ends(server: Ticker, tmp_path: Path) -> None:
    """Nothing of it is left to the end of the loop, which would leave its socket open."""
    async with opened(tmp_path / "home") as pilot:
        await fill(pilot, where=invite(server), who="cleo", password=PASSWORD)
        await until(pilot, on_screen(pilot, "ACME costs"))
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_push_while_the_app_ends_is_no_crash(server: Ticker, tmp_path: Path) -> None:
    """Textual takes the widgets away before the app is told that it ends; prices come until then."""
    async with opened(tmp_path / "home", screen=LeavingScreen) as pilot:
        await fill(pilot, where=invite(server), who="gus", password=PASSWORD)
        await until(pilot, on_screen(pilot, "ACME costs"))
        screen = pilot.app.screen
        assert isinstance(screen, LeavingScreen)
    assert screen.gone
    assert not (tmp_path / "crash.log").exists()


async def test_no_careless_widget_reaches_the_terminal(server: Ticker, tmp_path: Path) -> None:
    """The last wall stands in the app: a program cannot leave it out by drawing text as it came."""
    async with opened(tmp_path / "home") as pilot:
        await fill(pilot, where=invite(server), who="bea", password=PASSWORD)
        await until(pilot, on_screen(pilot, "careless"))
        shown = screen_text(pilot)
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert "\ufffd" in shown


async def test_what_is_refused_is_said(server: Ticker, tmp_path: Path) -> None:
    """A screen catches nothing; the sentence goes when the person goes on. A mistake ends the app."""
    with pytest.raises(ZeroDivisionError):
        await refused_and_mistaken(tmp_path / "home", invite(server))
    assert "ZeroDivisionError" in (tmp_path / "crash.log").read_text()


async def refused_and_mistaken(home: Path, link: str) -> None:
    """Ask in every way for what there is not, on one connection; then make a mistake in a worker."""
    async with opened(home, screen=RefusedScreen) as pilot:
        await fill(pilot, where=link, who="finn", password=PASSWORD)
        await until(pilot, on_screen(pilot, "There is no GREETING"))
        for key, symbol in (("f2", "ACTION"), ("enter", "MESSAGE"), ("f3", "WORKER")):
            await pilot.press(key)
            await until(pilot, on_screen(pilot, f"There is no {symbol}"))
        await pilot.press("z")  # typed into the field
        assert "There is no WORKER" in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "There is no" not in screen_text(pilot))  # the layout follows
        screen = pilot.app.screen
        assert isinstance(screen, RefusedScreen)
        assert (screen.greetings, screen.query_one(Input).value) == (1, "z")
        screen.mistaken = True
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.return_code == 1)  # the worker begins after the key


async def test_a_refused_login_keeps_what_was_typed(server: Ticker, tmp_path: Path) -> None:
    """The form says why, and nothing was saved."""
    home = tmp_path / "home"
    async with opened(home) as pilot:
        await fill(pilot, where="not an address!", who="ada", password="x")
        await until(pilot, on_screen(pilot, "the address is not a host name"))
        await pilot.press("escape")
        link = invite(server).replace("code=", "code=0000")
        await fill(pilot, where=link, who="cleo", password=PASSWORD)
        await until(pilot, on_screen(pilot, "nvit"))
        assert pilot.app.screen.query_one("#who", Input).value == "cleo"
        assert isinstance(pilot.app.screen, LoginScreen)
    assert not (home / PROFILE).exists()


async def test_after_the_session_has_ended_the_password_is_asked_for(server: Ticker, tmp_path: Path) -> None:
    """The program's screen stays, and is caught up again with the new session."""
    async with opened(tmp_path / "home") as pilot:
        await fill(pilot, where=invite(server), who="dora", password=PASSWORD)
        # not the status line: it is there while the program's screen is still to come
        await until(pilot, lambda: isinstance(pilot.app.screen, PricesScreen))
        screen = pilot.app.screen
        assert isinstance(screen, PricesScreen)
        await until(pilot, lambda: screen.greetings == 1)
        server.command("session", "end", "dora", "--all")
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginAgainScreen))
        pilot.app.screen.query_one(Input).value = PASSWORD
        await pilot.press("enter")
        await until(pilot, lambda: screen.greetings == 2 and pilot.app.screen is screen)
        await until(pilot, on_screen(pilot, "TLS 1.3, key pinned"))


async def test_a_server_is_verified_before_a_password_is_sent(server: Ticker, tmp_path: Path) -> None:
    """At an address, a certificate of an unknown authority is refused; with its CA file it is not."""
    address = f"127.0.0.1:{server.port}"
    async with opened(tmp_path / "first") as pilot:
        await fill(pilot, where=invite(server), who="emil", password=PASSWORD)
        await until(pilot, on_screen(pilot, "TLS 1.3, key pinned"))
    async with opened(tmp_path / "second") as pilot:
        await fill(pilot, where=address, who="emil", password=PASSWORD)
        await until(pilot, on_screen(pilot, "Nothing was sent"))
    async with opened(tmp_path / "third", CaFile.read(server.data / "ca.pem")) as pilot:
        await fill(pilot, where=address, who="emil", password=PASSWORD)
        await until(pilot, on_screen(pilot, "TLS 1.3, certificate checked by your CA file"))
