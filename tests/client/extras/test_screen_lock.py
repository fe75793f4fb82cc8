"""Locking the screen, by command and by itself: nothing of the chat is left; the passphrase opens it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.errors import WrongPassphraseError
from parlour_client.core.settings import FILE
from parlour_client.extras.screen_lock import lock_if_left
from parlour_client.extras.screen_lock.lock import Lock, LockScreen
from parlour_client.ui.account_switcher import Accounts, OpenedAccount
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.kit.secret import Secret

HOUR = 3_600.0


class Home:
    """One account, behind a passphrase or not, and a clock."""

    def __init__(self, folder: Path, *, protected: bool = True) -> None:
        self.folder, self.again, self.now = folder, FakeClient.peopled(), 0.0
        self.accounts = Accounts(
            current="", names=lambda: (), locked=lambda _: protected, open=self.open
        )  # a home that `--home` named has no name

    async def open(self, name: str, passphrase: Secret | None) -> OpenedAccount:
        """Open it again."""
        if passphrase is None or passphrase.reveal() != "open sesame":
            raise WrongPassphraseError("The passphrase is wrong.")
        return OpenedAccount(name, self.folder, self.again)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home with a passphrase."""
    made = Home(tmp_path)
    for module in ("parlour_client.ui.app", "parlour_client.kit.clock"):
        monkeypatch.setattr(f"{module}.since_boot", lambda: made.now)
    return made


async def left_alone(pilot: Pilot[None], home: Home, seconds: float) -> None:
    """Let time pass without a key."""
    home.now += seconds
    assert isinstance(pilot.app, ParlourApp)
    lock_if_left(pilot.app)
    await settled(pilot)


async def test_locked_by_itself_and_opened_by_the_passphrase(
    client: FakeClient, home: Home, open_app: OpenApp
) -> None:
    """After half an hour without a key: the client is stopped, its screen is gone, a draft is kept."""
    async with open_app(client, accounts=home.accounts) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await left_alone(pilot, home, HOUR / 2 - 1)
        await pilot.press(*"a draft")  # someone is there: it begins again
        await left_alone(pilot, home, HOUR / 2 - 1)
        assert not isinstance(pilot.app.screen, LockScreen)
        await left_alone(pilot, home, 1)
        assert client.stopped
        assert client.drafts[LOBBY] == "a draft"
        assert isinstance(pilot.app.screen, LockScreen)
        assert "lobby" not in screen_text(pilot)
        await pilot.press(*"wrong", "enter")
        await settled(pilot)
        assert "The passphrase is wrong." in screen_text(pilot)
        assert not home.again.started
        await pilot.press(*"open sesame")
        assert "sesame" not in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert home.again in [one.client for one in pilot.app.screen_stack if isinstance(one, ChatScreen)]
        assert home.again.started


async def test_a_passphrase_typed_twice_does_not_get_into_the_chat(
    client: FakeClient, home: Home, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening takes its time, so someone begins again; it succeeds in the middle of the word."""
    find, goes_on = home.accounts.open, asyncio.Event()

    async def slowly(name: str, passphrase: Secret | None) -> OpenedAccount:
        await goes_on.wait()
        return await find(name, passphrase)

    monkeypatch.setattr(home, "accounts", replace(home.accounts, open=slowly))
    async with open_app(client, accounts=home.accounts) as pilot:
        _locked = Lock(cast("ParlourApp", pilot.app)).lock()
        await settled(pilot)
        await pilot.press(*"open sesame", "enter", *"open se")
        goes_on.set()
        while "Unlocked" not in screen_text(pilot) and isinstance(pilot.app.screen, LockScreen):
            await pilot.pause()
        await pilot.press(*"same", "enter")
        await settled(pilot)
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        assert chat.pane.composer.text == ""
        assert not [call for call in home.again.calls if call[0] == "send"]


async def test_locked_by_command_over_open_pages(client: FakeClient, home: Home, open_app: OpenApp) -> None:
    """Whatever lies over the chat goes with it."""
    async with open_app(client, accounts=home.accounts) as pilot:
        await pilot.press("f1")
        pilot.app.notify("somebody wrote CANARY")
        await settled(pilot)
        assert len(pilot.app.screen_stack) > 2
        assert "CANARY" in screen_text(pilot)
        _locked = Lock(cast("ParlourApp", pilot.app)).lock()
        await settled(pilot)
        assert isinstance(pilot.app.screen, LockScreen)
        assert len(pilot.app.screen_stack) == 2
        assert "CANARY" not in screen_text(pilot)
        assert client.stopped


async def test_the_command_locks(client: FakeClient, home: Home, open_app: OpenApp) -> None:
    """/lock."""
    async with open_app(client, accounts=home.accounts) as pilot:
        await pilot.press(*"/lock", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, LockScreen)


async def test_without_a_passphrase_there_is_nothing_to_lock_with(
    client: FakeClient, tmp_path: Path, home: Home, open_app: OpenApp
) -> None:
    """It is said when someone asks; by itself nothing happens."""
    async with open_app(client, accounts=Home(tmp_path, protected=False).accounts) as pilot:
        await left_alone(pilot, home, HOUR)
        assert not client.stopped
        await pilot.press(*"/lock", "enter")
        await settled(pilot)
        assert "Set a passphrase first" in screen_text(pilot)
        assert not client.stopped


async def test_the_time_is_a_setting(
    client: FakeClient, home: Home, open_app: OpenApp, tmp_path: Path
) -> None:
    """Off: never; five minutes: after five."""
    for value, locked in (("off", False), ("5m", True)):
        (tmp_path / FILE).write_text(f'lock_after = "{value}"\n')
        async with open_app(client, accounts=home.accounts, folder=tmp_path) as pilot:
            await left_alone(pilot, home, 301)
            assert isinstance(pilot.app.screen, LockScreen) is locked
