"""Screens in another language, also one that is written from right to left."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient

from parlour_client.core.archive.key import Protection
from parlour_client.core.settings import groups
from parlour_client.kit.language import _, language
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.chat.encryption.devices import heading
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.page import Page


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    """Go back to English."""
    yield
    language.use([])


async def lobby(client: FakeClient, open_app: OpenApp, folder: Path) -> str:
    """Return the open lobby on the smallest usual terminal."""
    async with open_app(client, size=(80, 24), folder=folder) as pilot:
        assert isinstance(pilot.app.screen, ChatScreen)
        await pilot.app.screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        shown = screen_text(pilot)
    assert {cell_len(row) for row in shown.split("\n")} == {80}
    return shown


async def test_the_keys_at_the_foot_are_in_the_language_in_use(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """German has longer words than English; the first keys still fit."""
    language.use(["de"])
    assert "F1 Hilfe" in (await lobby(client, open_app, tmp_path)).split("\n")[-1]


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (100, 30)])
async def test_no_words_of_a_page_are_cut(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """A section of the settings has one row, and what the keys of the search do wraps."""
    language.use(["de"])
    async with open_app(client, size=size) as pilot:
        await pilot.press("f10", *(["tab"] if size[0] < 60 else []))
        await settled(pilot)
        rows = [row.split("│")[0].lstrip(">").strip() for row in screen_text(pilot).split("\n")]
        assert not [group for group in map(_, groups()) if group not in rows]
        await pilot.press("escape", "f3")
        await settled(pilot)
        shown = screen_text(pilot)
        assert "…" not in shown
        assert "nichts wird als gelesen markiert" in shown
        assert "Tab übernimmt" in shown


async def test_no_page_is_half_in_english(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Words of the core and of the protocol are translated where they are shown."""
    language.use(["de"])
    client.say(LOBBY, BOB, "hi\n\u202e")
    async with open_app(client, size=(100, 30), folder=tmp_path) as pilot:
        assert isinstance(pilot.app.screen, ChatScreen)
        await pilot.app.screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("alt+up", "i")
        await settled(pilot)
        shown = screen_text(pilot)
        assert "sichtbar" in shown
        assert "maskiert" in shown
        assert "visible" not in shown
    for protection in Protection:
        own_keys = replace(client.encryption.own_keys, protection=protection)
        assert protection not in heading(own_keys).plain


async def test_a_page_scrolls_in_one_place(client: FakeClient, open_app: OpenApp) -> None:
    """Its text does in a small terminal, and not the frame around it, also where its keys need two rows."""
    language.use(["de"])
    async with open_app(client, size=(40, 15)) as pilot:
        await pilot.app.push_screen(Page(own("Titel"), own("Wort\n" * 40)))
        await settled(pilot)
        assert pilot.app.screen.query_one(Box).max_scroll_y == 0
        assert "schließen" in screen_text(pilot)


@pytest.mark.parametrize(("order", "help_"), [("terminal", "עזרה"), ("client", "הרזע"), ("off", "עזרה")])
async def test_words_from_right_to_left_are_ordered_as_the_setting_says(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, order: str, help_: str
) -> None:
    """Ours as well as other people's: by the terminal, by Parlour, or not at all."""
    (tmp_path / "settings.toml").write_text(f'bidi = "{order}"\n')
    language.use(["he"])
    assert f"F1 {help_}" in (await lobby(client, open_app, tmp_path)).split("\n")[-1]


async def test_a_placeholder_is_ordered_and_what_is_typed_is_not(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """In the composer and in a field the cursor must be on the letter that it would delete."""
    (tmp_path / "settings.toml").write_text('bidi = "client"\n')
    language.use(["he"])
    async with open_app(client, size=(80, 24), folder=tmp_path) as pilot:
        assert "בותכל" in screen_text(pilot)
        await pilot.press(*"של")
        await settled(pilot)
        assert "▌ של" in screen_text(pilot)
        await pilot.press("ctrl+k")
        await settled(pilot)
        assert "הדוקפ וא םדא ,רדח" in screen_text(pilot)
        await pilot.press(*"של")
        await settled(pilot)
        assert "│ של " in screen_text(pilot)
