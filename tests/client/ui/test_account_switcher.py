"""Several accounts: one client stops, then the other one starts."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.core.client import Client
from parlour_client.core.errors import WrongPassphraseError
from parlour_client.core.settings import FILE
from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_client.ui.account_switcher import Accounts, OpenedAccount
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.passphrase import PassphraseScreen
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.secret import Secret

ENTRANCE: Entrance[ChatInviteLink, Client] = Entrance(
    cast("Any", None), cast("Any", None), ChatInviteLink.parse, lambda link: link.link, "parlour"
)


class House:
    """Two more accounts: `work`, behind a passphrase, and `new`, where no one is logged in."""

    def __init__(self, folder: Path, first: FakeClient) -> None:
        self.folder, self.first = folder, first
        self.work = FakeClient.peopled()
        (folder / "work").mkdir()
        (folder / "work" / FILE).write_text('theme = "high-contrast"\n')
        self.accounts = Accounts(
            current="default",
            names=lambda: ("default", "new", "work"),
            locked=lambda name: name == "work",
            open=self.open,
        )

    async def open(self, name: str, passphrase: Secret | None) -> OpenedAccount:
        """Open one."""
        if name == "new":
            return OpenedAccount(name, self.folder / "new", ENTRANCE)
        if passphrase is None or passphrase.reveal() != "open sesame":
            raise WrongPassphraseError("The passphrase is wrong.")
        assert not self.first.stopped  # nothing is left before the other one is open
        return OpenedAccount(name, self.folder / "work", self.work)


@pytest.fixture
def house(tmp_path: Path, client: FakeClient) -> House:
    """Return the accounts."""
    return House(tmp_path, client)


async def test_switching_stops_one_and_starts_the_other(
    client: FakeClient, house: House, open_app: OpenApp
) -> None:
    """The draft is kept, the passphrase is masked, the settings are the other account's."""
    async with open_app(client, accounts=house.accounts) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await pilot.press(*"a draft")
        await settled(pilot)
        pilot.app.action_account("work") if isinstance(pilot.app, ParlourApp) else None
        await settled(pilot)
        assert isinstance(pilot.app.screen, PassphraseScreen)
        await pilot.press(*"open sesame")
        assert "sesame" not in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert client.stopped
        assert client.drafts[LOBBY] == "a draft"
        assert house.work.started
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.client is house.work
        assert pilot.app.theme == "high-contrast"
        assert not client._listeners  # nothing of the first one is heard any more
    assert house.work.stopped


async def test_an_account_that_opens_late_takes_nothing_from_under_the_hands(
    client: FakeClient, house: House, open_app: OpenApp
) -> None:
    """The archive takes its time: a sentence that was begun meanwhile is not for the other account."""
    opens, goes_on = house.open, asyncio.Event()

    async def slowly(name: str, passphrase: Secret | None) -> OpenedAccount:
        await goes_on.wait()
        return await opens(name, passphrase)

    async with open_app(client, accounts=replace(house.accounts, open=slowly)) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await pilot.press(*"/account work", "enter")
        await settled(pilot)
        await pilot.press(*"open sesame", "enter", *"see you at")
        goes_on.set()
        await settled(pilot)
        assert pilot.app.screen is chat
        assert chat.pane.composer.text == "see you at"
        assert not client.stopped
        assert "Not switched: you went on writing." in screen_text(pilot)


async def test_a_wrong_passphrase_leaves_the_person_where_they_were(
    client: FakeClient, house: House, open_app: OpenApp
) -> None:
    """In words, with the first account open."""
    async with open_app(client, accounts=house.accounts) as pilot:
        await pilot.press(*"/account work", "enter")
        await settled(pilot)
        await pilot.press(*"wrong", "enter")
        await settled(pilot)
        assert "The passphrase is wrong." in screen_text(pilot)
        assert not client.stopped


async def test_an_account_without_a_login_shows_the_welcome(
    client: FakeClient, house: House, open_app: OpenApp
) -> None:
    """Chosen from the list that /account shows."""
    async with open_app(client, accounts=house.accounts) as pilot:
        await pilot.press(*"/account", "enter")
        await settled(pilot)
        text = screen_text(pilot)
        assert "new" in text
        assert "work" in text
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, LoginScreen)
        assert client.stopped


@pytest.mark.parametrize(
    ("command", "words"),
    [("/account", "You have only one account."), ("/account x", "You have only one account")],
)
async def test_with_one_account_the_way_to_add_another_is_shown(
    client: FakeClient, open_app: OpenApp, command: str, words: str
) -> None:
    """No dead end."""
    async with open_app(client) as pilot:
        await pilot.press(*command, "enter")
        await settled(pilot)
        assert words in screen_text(pilot)


async def test_an_unknown_account_is_reported(client: FakeClient, house: House, open_app: OpenApp) -> None:
    """And nothing is left."""
    async with open_app(client, accounts=house.accounts) as pilot:
        await pilot.press(*"/account nobody", "enter")
        await settled(pilot)
        assert "no account with that name" in screen_text(pilot)
        assert not client.stopped
