"""Choosing a theme by looking at it."""

from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.widgets import OptionList

from parlour_client.core.settings import FILE, load
from parlour_client.ui.chat.screen import ChatScreen


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
async def test_a_theme_is_chosen_by_looking(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    """The one in use is marked, moving shows another one at once, Esc goes back, Enter keeps."""
    (tmp_path / FILE).write_text('theme = "high-contrast"\n')
    async with open_app(client, size=size, folder=tmp_path) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await chat.pane.commands.run("/theme")
        await settled(pilot)
        themes = pilot.app.screen.query_one(OptionList)
        assert themes.highlighted_option is not None
        assert themes.highlighted_option.id == "high-contrast"
        text = screen_text(pilot)
        assert "Theme" in text
        assert "Esc: cancel" in text
        assert not pilot.app.screen.query_one(
            ".box"
        ).show_vertical_scrollbar  # the list scrolls, nothing else
        await pilot.press("up")
        assert pilot.app.theme == "parlour-day"
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.theme == "high-contrast"
        await chat.pane.commands.run("/theme")
        await settled(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert (pilot.app.theme, load(tmp_path).theme) == ("monochrome", "monochrome")
        await chat.pane.commands.run("/colours parlour")
        assert (pilot.app.theme, load(tmp_path).theme) == ("parlour", "parlour")
