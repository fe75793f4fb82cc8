"""A dialog over strangers' text: what shines through moves no border, on no terminal."""

import re

import pytest
from rich.console import Console
from rich.segment import Segment
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.test_sources import SOURCES, code
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.geometry import Region
from textual.screen import ModalScreen

from parlour_client.kit.widgets.overlay import PiecewiseStrip
from parlour_client.ui.chat.screen import ChatScreen

TAMIL = "தமிழ்"
BORDER = "▏"


def test_each_pane_begins_in_its_own_column():
    """The cursor is put to the border's column before the border is drawn, also in a piece."""
    strip = PiecewiseStrip([Segment("│ "), Segment(TAMIL), Segment(BORDER)], None, 10)
    column = 10 + strip.cell_length  # from 1, of the border
    assert f"\x1b[{column}G{BORDER}" in strip.render(Console())
    cut = strip.crop(1, strip.cell_length)
    assert f"\x1b[{column}G{BORDER}" in cut.render(Console())
    assert all(isinstance(piece, PiecewiseStrip) for piece in strip.divide([2, strip.cell_length]))


async def test_a_dialog_anchors_what_shines_through(client: FakeClient, open_app: OpenApp):
    """Its own rows hold the chat below; each row with a stranger's letters is drawn piece by piece."""
    client.say(LOBBY, BOB, TAMIL)
    async with open_app(client, size=(120, 30)) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("alt+up", "i", "escape", "ctrl+p")
        for keys in ((), ("escape", "alt+up", "d")):
            await pilot.press(*keys)
            await settled(pilot)
            assert pilot.app.screen is not chat
            rows = pilot.app.screen.render_lines(Region(0, 0, 120, 30))
            with_letters = [row for row in rows if TAMIL in row.text]
            assert with_letters
            assert all(isinstance(row, PiecewiseStrip) for row in with_letters)


@pytest.mark.parametrize("keys", [("ctrl+o",), ("alt+up", "i"), ("alt+up", "+")], ids=ascii)
async def test_two_keys_at_once_leave_one_dialog(
    client: FakeClient, open_app: OpenApp, keys: tuple[str, ...]
):
    """The second finds it gone, and neither ends the app nor takes away what lies below."""
    client.say(LOBBY, BOB, "hello")
    async with open_app(client) as pilot:
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        await chat.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        dialog = pilot.app.screen
        assert dialog is not chat
        assert isinstance(dialog, ModalScreen)

        def leave() -> None:
            _ = dialog.dismiss(None)

        for _ in range(2):
            dialog.call_later(leave)
        await settled(pilot)
        assert pilot.app.screen is chat


def test_every_dialog_is_an_overlay():
    """No screen of ours lies over the chat without."""
    modal = [
        path for path in SOURCES if re.search(r"class \w+\([^)]*(?:ModalScreen|CommandPalette)", code(path))
    ]
    assert {path.name for path in modal} == {"overlay.py"}
    assert all("in_pieces(super().render_lines(crop)" in code(path) for path in modal)
