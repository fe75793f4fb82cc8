"""F1: what the keys do, found by a word or by the key itself; commands; the connection."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.commands.front import Front
from parlour_client.commands.table import spellings
from parlour_client.kit.language import ENGLISH, language
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.help import HelpScreen


async def shown(pilot: Pilot[None], *keys: str) -> str:
    """Press keys, and return what is on the screen."""
    await pilot.press(*keys)
    await settled(pilot)
    return screen_text(pilot)


async def test_keys_are_in_three_groups(client: FakeClient, open_app: OpenApp) -> None:
    """Beside each other, with the connection below; each key as it is written on it."""
    async with open_app(client, size=(92, 24)) as pilot:
        await lobby(pilot)
        text = await shown(pilot, "f1")
        assert "Help · you are in the composer" in text
        heads, first = text.split("\n")[1:3]
        assert [head.strip() for head in heads.split("│")] == ["Write", "Go", "Do"]
        assert [cell.split()[0] for cell in first.split("│")] == ["Enter", "Ctrl+K", "F3"]
        assert "Alt+1…9" in text
        assert "chat.example:8443 · TLS 1.3, key pinned" in text.split("\n")[-1]


async def test_the_third_group_is_right_below_the_two(client: FakeClient, open_app: OpenApp) -> None:
    """Where only two fit beside each other, it is seen at once: no rows are left empty for it."""
    async with open_app(client, size=(80, 24)) as pilot:
        await lobby(pilot)
        rows = (await shown(pilot, "f1")).split("\n")
        at = next(at for at, row in enumerate(rows) if row.strip() == "Do")
        assert rows[at - 1].replace("│", "").strip()
        assert "Search" in rows[at + 1]


@pytest.mark.parametrize(
    ("keys", "title"),
    [(["alt+up"], "at the messages"), (["f2"], "in the list of rooms"), (["f4"], "in the list of people")],
)
async def test_it_is_about_what_has_the_focus(
    client: FakeClient, open_app: OpenApp, keys: list[str], title: str
) -> None:
    """The title says where one is."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert f"Help · you are {title}" in await shown(pilot, *keys, "f1")


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
async def test_a_word_finds_keys_and_commands(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Esc shows the groups again, and closes after that; nothing of it is typed into a message."""
    async with open_app(client, size=size) as pilot:
        screen = await lobby(pilot)
        assert "Esc close" in await shown(pilot, "f1")
        text = await shown(pilot, *"unread")
        assert "Esc back" in text
        assert "Ctrl+N" in text
        assert "/unread" in text or size == (40, 15)  # it is below there
        assert "/kick" not in text
        assert "Write" not in text
        text = await shown(pilot, "escape")
        assert "Enter      Send" in text
        assert "Esc close" in text
        await shown(pilot, "escape")
        assert pilot.app.screen is screen
        assert screen.pane.composer.text == ""


async def test_a_key_says_what_it_does(client: FakeClient, open_app: OpenApp) -> None:
    """And does not do it; in the person's own key map."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        text = await shown(pilot, "f1", "ctrl+n")
        assert "Next unread room  chat.next_unread" in text
        text = await shown(pilot, "f10")
        assert "app.settings" in text
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "F12 does nothing." in await shown(pilot, "f12")
        await shown(pilot, "escape", "escape")
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_a_command_is_explained(client: FakeClient, open_app: OpenApp) -> None:
    """By any of its words, with who may use it."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        text = await shown(pilot, "f1", *"/ban")
        command = spellings(Front.UI)["ban"]
        assert command.usage(Front.UI) in text
        assert command.who in text
        assert "undone by /unban" in text
        assert "No key and no command is about this." in await shown(pilot, *"anana")


async def test_again_it_shows_the_ids_of_all_keys(client: FakeClient, open_app: OpenApp) -> None:
    """They are for the settings; the same key shows the groups again."""
    async with open_app(client, size=(92, 60)) as pilot:
        await lobby(pilot)
        text = await shown(pilot, "f1", "f1")
        assert "chat.approve" in text
        assert "Enter      Send" not in text
        assert "Enter      Send" in await shown(pilot, "f1")


@pytest.mark.parametrize("size", [(40, 60), (92, 40)])
async def test_what_keys_do_is_in_one_column(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """Also in a language whose keys have longer names."""
    language.use(["de"])
    try:
        async with open_app(client, size=size) as pilot:
            await lobby(pilot)
            rows = (await shown(pilot, "f1")).split("\n")
        written = {"Enter": "Senden", "Hoch Runter": "Was du", "Strg+J": "Neue Zeile"}
        columns = {row.index(does) for key, does in written.items() for row in rows if f" {key} " in row}
        assert columns == {15}
    finally:
        language.use([ENGLISH])
