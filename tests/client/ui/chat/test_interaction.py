"""What the chat screen runs in the background, and what becomes of it when the screen closes."""

import asyncio
from contextlib import suppress
from typing import cast

import pytest
from tests.client.ui.conftest import OpenApp, lobby, settled
from tests.client.ui.ui_fake import FakeClient
from textual.app import App, ComposeResult
from textual.dom import NoScreen
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerFailed

from parlour_client.kit.errors import SessionEndedError
from parlour_client.kit.terminal.key_queue import QUIET
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.dialogs.passphrase import PassphraseScreen


class Asking(App[None]):
    """One hint line."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield HintLine()


async def until_gone(hint: HintLine) -> None:
    """Go on working while the screen is closed, and look at a widget that has just gone."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    while True:
        assert hint.screen is not None
        await asyncio.sleep(0)


async def test_quitting_while_something_runs_is_no_crash() -> None:
    """Textual removes the widgets before the work that uses them has ended."""
    app = Asking()
    async with app.run_test() as pilot:
        hint, screen = app.query_one(HintLine), cast("Screen[None]", app.screen)
        worker = Interaction(screen, hint).run(lambda: until_gone(hint))
        await pilot.pause()
        app.exit()
    await asyncio.wait([asyncio.ensure_future(worker.wait())])
    assert app.return_code == 0


async def test_a_missing_widget_of_an_open_screen_is_an_error() -> None:
    """Only closing excuses it."""

    async def look() -> None:
        raise NoScreen

    async def look_while_open() -> None:
        app = Asking()
        async with app.run_test() as pilot:
            screen = cast("Screen[None]", app.screen)
            Interaction(screen, app.query_one(HintLine)).run(look)
            await pilot.pause()

    with pytest.raises(WorkerFailed):
        await look_while_open()


async def test_an_ended_session_names_the_command_of_the_chat() -> None:
    """Not the one of the shell, which the error carries for programs."""
    app = Asking()
    async with app.run_test() as pilot:
        hint, screen = app.query_one(HintLine), cast("Screen[None]", app.screen)

        async def ended() -> None:
            raise SessionEndedError("The session has ended.", "Log in again: parlour login x --username y")

        worker = Interaction(screen, hint).run(ended)
        await worker.wait()
        await pilot.pause()
        assert "/login logs in again" in str(hint.render())
        assert "parlour login" not in str(hint.render())


async def test_what_a_command_waited_for_opens_under_no_ones_hands(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The server answers as the person begins to type: that goes on below, and Enter chooses nothing."""
    chosen: list[str | None] = []
    time, answered = 100.0, asyncio.Event()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert isinstance(pilot.app, SafeApp)
        pilot.app.keys.now = lambda: time
        await pilot.press("ctrl+end")

        async def ask() -> None:
            await answered.wait()
            dialog = ChooseScreen(own("Which?"), [("a", own("a"))], "")
            screen.pane.interaction.push(dialog, chosen.append)

        screen.pane.interaction.run(ask)
        time += 2
        answered.set()
        await settled(pilot)
        assert pilot.app.screen is not screen
        for key in ("h", "i", "enter"):
            time += QUIET / 5
            await pilot.press(key)
        assert screen.pane.composer.text == "hi"
        assert chosen == []
        time += QUIET
        await pilot.press("enter")
        await settled(pilot)
        assert chosen == ["a"]


async def test_what_may_be_a_secret_is_not_written_into_the_text(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A dialog that asks for one appears late: letters typed before it was seen are dropped."""
    time, answered = 100.0, asyncio.Event()
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert isinstance(pilot.app, SafeApp)
        pilot.app.keys.now = lambda: time
        await pilot.press("ctrl+end")

        async def ask() -> None:
            await answered.wait()
            screen.pane.interaction.push(PassphraseScreen("alice"))

        screen.pane.interaction.run(ask)
        time += 2
        answered.set()
        await settled(pilot)
        assert pilot.app.screen is not screen
        await pilot.press("s", "e")
        assert screen.pane.composer.text == ""
        time += QUIET
        await pilot.press("c")
        assert pilot.app.screen.query_one(Input).value == "c"


async def test_what_a_key_opens_at_once_takes_the_next_key(client: FakeClient, open_app: OpenApp) -> None:
    """However soon it comes: it was meant for it."""
    time = 100.0
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        assert isinstance(pilot.app, SafeApp)
        pilot.app.keys.now = lambda: time
        await pilot.press("f6", "escape")
        assert pilot.app.screen is screen
        await pilot.press("f6", "down", "enter")
        await settled(pilot)
        assert screen.pane.composer.text == ""
