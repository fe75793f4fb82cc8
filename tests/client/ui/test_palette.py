"""The palette offers everything: rooms, people, each command, each setting, each account."""

from pathlib import Path

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.test_account_switcher import House
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core.settings import TABLE
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.palette import Everything


async def offered(pilot: Pilot[None]) -> str:
    """Return all that is offered."""
    return "\n".join([str(hit.prompt) async for hit in Everything(pilot.app.screen).discover()])


async def test_everything_is_offered(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Nothing is only for who knows its name."""
    async with open_app(client, accounts=House(tmp_path, client).accounts) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.navigation.open(LOBBY)
        await settled(pilot)
        text = await offered(pilot)
        assert not [one for one in names(Front.UI).values() if one.usage(Front.UI) not in text]
        assert not [row.key for row in TABLE if f"Setting: {row.key}" not in text]
        for words in ("Go to garden", "Message bob", "Switch to account work"):
            assert words in text


async def test_keys_that_come_in_one_piece_are_taken_in_turn(client: FakeClient, open_app: OpenApp) -> None:
    """What takes a word away takes the one that stood before it, and not one that was typed later."""
    async with open_app(client) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        for key in [*"go", "ctrl+w", *"write"]:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert pilot.app.screen.query_one(Input).value == "write"


async def test_a_command_that_needs_a_word_is_begun(client: FakeClient, open_app: OpenApp) -> None:
    """It is written into the composer, to be completed; a text that is there is not lost."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("ctrl+p")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "/kick PERSON"
        await pilot.pause()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.composer.text == "/kick "
        screen.composer.put("my text")
        screen.composing.begin_command("/kick")
        assert screen.composer.text == "my text"
        assert "You are writing something" in screen_text(pilot)


async def test_what_one_does_in_a_chat_comes_first(client: FakeClient, open_app: OpenApp) -> None:
    """Rooms and people, then commands; the settings are the last, however the machine hashes."""
    async with open_app(client, size=(100, 60)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        text = screen_text(pilot)
        places = [text.index(words) for words in ("Go to @bob", "Message bob", "Search messages", "/help")]
        assert places == sorted(places)
        assert "Setting:" not in text or places[-1] < text.index("Setting:")
