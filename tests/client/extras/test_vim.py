"""The layer of vi: two modes that are where the focus is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient
from textual.events import Key
from textual.pilot import Pilot

from parlour_client.core.settings import FILE
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.search import SearchScreen
from parlour_client.ui.input.completion_list import OfferList


@asynccontextmanager
async def vim(
    client: FakeClient, open_app: OpenApp, folder: Path
) -> AsyncIterator[tuple[Pilot[None], ChatScreen]]:
    """Open the lobby with the layer on."""
    (folder / FILE).write_text("vim = true\n")
    async with open_app(client, folder=folder) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        yield pilot, screen


async def test_escape_and_i_change_the_mode(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """The status line says which one it is; what was written stays."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press(*"hi")
        assert "-- INSERT --" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "-- NORMAL --" in screen_text(pilot)
        assert screen.pane.timeline.has_focus
        await pilot.press(*"zzz")  # letters write nothing
        assert screen.pane.composer.text == "hi"
        await pilot.press("i", "!")
        assert screen.pane.composer.text == "hi!"


async def test_j_k_gg_and_G_move(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:  # noqa: N802 - the key
    """Among messages and in lists."""
    for number in range(60):
        client.say(LOBBY, BOB, f"message {number}")
    client.mark_all_read()
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("escape", "k", "k")
        selected = screen.pane.timeline.selected
        assert selected is not None
        assert selected.text == "message 58"
        await pilot.press("j")
        assert screen.pane.timeline.selected is not None
        assert screen.pane.timeline.selected.text == "message 59"
        await pilot.press("g", "x", "g")  # not two in a row
        assert screen.pane.timeline.scroll_y > 0
        await pilot.press("escape", "g", "g")
        assert screen.pane.timeline.scroll_y == 0
        await pilot.press("G")
        await settled(pilot)
        assert screen.pane.timeline.follows
        await pilot.press("h")
        assert screen.room_list.has_focus
        first = screen.room_list.highlighted
        await pilot.press("j")
        assert screen.room_list.highlighted != first
        await pilot.press("l")
        assert screen.pane.timeline.has_focus


async def test_slash_searches_and_capitals_change_rooms(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """/ opens the search, J and K go through the rooms, : begins a command, o a line."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("escape", "slash")
        assert isinstance(pilot.app.screen, SearchScreen)
        await pilot.press("escape", "K")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.timeline.has_focus
        await pilot.press("J")
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        await pilot.press("colon")
        assert screen.pane.composer.text == "/"
        screen.pane.composer.put("one")
        await pilot.press("escape", "o", *"two")
        assert screen.pane.composer.text == "one\ntwo"


async def test_i_inspects_no_more_but_I_does(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:  # noqa: N802 - the key
    """No action is lost to the layer."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("escape", "k", "I")
        await settled(pilot)
        assert pilot.app.screen is not screen


async def test_a_reply_outlives_normal_mode(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Esc in insert mode drops nothing; Esc in normal mode does."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("escape", "k", "r", *"yes", "escape")
        await settled(pilot)
        assert "Reply to" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "Reply to" not in screen_text(pilot)
        assert screen.pane.composer.text == "yes"


async def test_without_the_setting_the_layer_is_not_there(client: FakeClient, open_app: OpenApp) -> None:
    """No key of it acts and no help shows it."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("alt+up")
        assert screen.pane.timeline.has_focus
        assert not [
            one for one in screen.active_bindings.values() if (one.binding.id or "").startswith("vim.")
        ]
        await pilot.press("J")
        assert screen.pane.composer.text == "J"
        assert "INSERT" not in screen_text(pilot)


async def test_text_before_a_fast_escape_is_text(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """It is still on its way to the composer when Esc and the key after it have moved the focus."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        for key in [*"hjk", "alt+k"]:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert screen.pane.composer.text == "hjk"


@pytest.mark.parametrize("key", ["alt+k", "alt+k,j", "alt+shift+g", "alt+r", "alt+q"])
async def test_escape_is_not_lost_in_a_fast_key(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, key: str
) -> None:
    """Terminals send Alt and a letter as Esc and the letter; in insert mode that is meant, as in vi."""
    client.say(LOBBY, BOB, "the first")
    client.say(LOBBY, BOB, "the newest")
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("h", "i", *key.split(","))
        await settled(pilot)
        assert screen.pane.composer.text == "hi"
        assert screen.pane.timeline.has_focus == (
            key != "alt+q"
        )  # q does nothing in normal mode: it is Alt+Q
        if key == "alt+k":
            assert screen.pane.timeline.selected is not None
            assert screen.pane.timeline.selected.text == "the newest"


async def test_a_fast_escape_closes_the_list_of_completions(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """It would cover the messages that the next keys move through."""
    async with vim(client, open_app, tmp_path) as (pilot, screen):
        await pilot.press("@")
        assert screen.query_one(OfferList).display
        await pilot.press("alt+k")
        await settled(pilot)
        assert screen.pane.timeline.has_focus
        assert not screen.query_one(OfferList).display


async def test_without_the_layer_alt_is_alt(client: FakeClient, open_app: OpenApp) -> None:
    """Someone who writes stays in the composer."""
    async with open_app(client) as pilot:
        await pilot.press("h", "alt+k", "i")
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.pane.composer.text == "hi"
