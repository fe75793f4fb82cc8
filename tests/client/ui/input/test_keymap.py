"""Keys: every one has an id, every one can be changed, and what does not fit is said."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import LOBBY, FakeClient

from parlour_client.core.settings import FILE, Settings, changed
from parlour_client.kit.widgets.safe import SafeStatic
from parlour_client.ui.chat.search import SearchScreen
from parlour_client.ui.input.keymap import conflicts, is_key, keymap, known, problems

VI = changed(Settings(), "vim", value=True)


def test_the_table_has_every_place() -> None:
    """It is read from the classes, so nothing that has a key is missing."""
    places = {one.place for one in known().values()}
    assert {"app", "chat", "composer", "timeline", "vim", "settings", "paste", "page", "dialog"} <= places
    assert all(one.keys and one.about for one in known().values())
    assert all(is_key(key) for one in known().values() for key in one.keys)


async def test_a_key_moves(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """The new key acts, the old one does not, and the help shows it."""
    (tmp_path / FILE).write_text('[keys]\nchat.search = "ctrl+f,f12"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        chat = await lobby(pilot)
        await pilot.press("f3")
        assert pilot.app.screen is chat
        for key in ("ctrl+f", "f12"):
            await pilot.press(key)
            assert isinstance(pilot.app.screen, SearchScreen)
            await pilot.press("escape")
        await pilot.press("f1", "f1")
        await pilot.pause()
        help_text = str(pilot.app.screen.query_one("#rest", SafeStatic).render())
        assert "chat.search" in next(row for row in help_text.split("\n") if row.startswith("Ctrl+F, F12 "))


async def test_the_keys_of_the_composer_move_too(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """A text area takes keys for itself; ours are looked up by their ids all the same."""
    (tmp_path / FILE).write_text(
        '[keys]\ncomposer.send = "ctrl+s"\ncomposer.newline = "enter"\ncomposer.up = "alt+p"\n'
    )
    async with open_app(client, folder=tmp_path) as pilot:
        composer = (await lobby(pilot)).pane.composer
        await pilot.press("a", "enter", "b", "up", "x")  # Up moves the cursor, and brings nothing back
        assert composer.text == "ax\nb"
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert ("send", LOBBY, "ax\nb", None) in client.calls
        await pilot.press("up")
        assert composer.text == ""
        await pilot.press("alt+p")
        assert composer.text == "ax\nb"


async def test_ctrl_enter_can_send(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Then Enter begins a line, and Ctrl+S sends where a terminal cannot tell the two apart."""
    (tmp_path / FILE).write_text('send_on = "ctrl+enter"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        await lobby(pilot)
        await pilot.press("a", "enter", "b", "ctrl+enter")
        await settled(pilot)
        assert ("send", LOBBY, "a\nb", None) in client.calls
        await pilot.press("c", "ctrl+s")
        await settled(pilot)
        assert ("send", LOBBY, "c", None) in client.calls


WRONG: list[tuple[Mapping[str, str], str]] = [
    ({"chat.serch": "f12"}, "there is no chat.serch; did you mean chat.search?"),
    ({"chat.search": "hyperspace"}, "hyperspace is not a key"),
    ({"composer.send": "x"}, "x is a letter that you type"),
    ({"chat.search": "x"}, "x is a letter that you type"),
    ({"rooms.favourite": "x"}, "x is a letter that you type"),
    ({"chat.search": "?"}, "question_mark is a letter that you type"),
    ({"chat.search": "ctrl+i"}, "most terminals send tab for ctrl+i"),
    ({"chat.search": "Ctrl+M"}, "most terminals send enter for ctrl+m"),
    ({"chat.search": "ctrl+a"}, "ctrl+a edits the text while you write"),
    ({"chat.search": "f12+f12"}, "f12+f12 is not a key"),
    ({"chat.search": "ctrl+z"}, "ctrl+z is both chat.search and app.suspend"),
    ({"chat.search": "f1"}, "f1 is both chat.search and chat.help"),
    ({"timeline.reply": "f1"}, "f1 is both timeline.reply and chat.help"),
    ({"chat.search": "f12", "chat.people": "f12"}, "f12 is both chat.search and chat.people"),
]


@pytest.mark.parametrize(("keys", "words"), WRONG)
def test_invalid_keys_are_reported(keys: Mapping[str, str], words: str) -> None:
    """An unknown id, no key, a letter, a conflict."""
    assert any(words in sentence for sentence in problems(Settings(keys=keys)))


RIGHT: list[Mapping[str, str]] = [
    {},
    {"chat.search": "ctrl+f"},
    {"chat.search": "f1", "chat.help": "f3"},  # the two changed places
    {"timeline.reply": "a"},
    {"timeline.reply": "?"},
    {"chat.page_up": "ctrl+a"},  # it comes before the composer's keys
    {"chat.search": "Ctrl+F, F12"},
    {"settings.close": "Esc,F10"},
    {"dialog.yes": "j"},  # the timeline's j is not in force while a dialog is open
]


@pytest.mark.parametrize("keys", RIGHT)
def test_what_fits_is_not_complained_of(keys: Mapping[str, str]) -> None:
    """A key can be used in two places that are never in force together."""
    assert not list(problems(Settings(keys=keys)))


def test_the_person_has_the_last_word() -> None:
    """Over the layers of vi and of Ctrl+Enter."""
    settings = replace(VI, send_on="ctrl+enter", keys={"chat.write": "w", "composer.send": "f12"})
    assert keymap(settings)["chat.write"] == "w"
    assert keymap(settings)["composer.send"] == "f12"


async def test_a_conflict_is_shown(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """A notice at the start, and the sentence in the settings."""
    (tmp_path / FILE).write_text('[keys]\nchat.search = "f1"\n')
    async with open_app(client, size=(120, 30), folder=tmp_path) as pilot:
        assert "Some settings are not valid" in screen_text(pilot)
        await pilot.press("f10")
        await pilot.pause()
        assert "f1 is both chat.search and chat.help" in screen_text(pilot)


@pytest.mark.parametrize("settings", [Settings(), VI, Settings(send_on="ctrl+enter")])
def test_no_layer_has_a_conflict_in_it(settings: Settings) -> None:
    """What Parlour brings along shares no key but where the nearer one means the same."""
    meant = {"escape", "up", "down", "tab", "enter"}
    same = {
        frozenset(pair)
        for pair in (
            ("chat.mark_read", "rooms.read"),
            ("timeline.up", "vim.up"),
            ("timeline.down", "vim.down"),
        )
    }
    found = conflicts(settings)
    assert not [one for one in found if one[0] not in meant and frozenset(one[1:]) not in same]


WRITTEN = [
    ("Ctrl+F", "ctrl+f"), ("esc", "escape"), ("Control+PgDn", "ctrl+pagedown"), ("?", "question_mark"),
    ("+", "plus"), ("shift+g", "G"), ("G", "G"), ("alt+/", "alt+slash"), ("ctrl++", "ctrl+plus"),
    ("hyperspace, f12", "f12"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "key"), WRITTEN)
def test_keys_may_be_written_as_people_write_them(written: str, key: str) -> None:
    """They become the names under which keys arrive."""
    assert keymap(Settings(keys={"timeline.reply": written})) == {"timeline.reply": key}


async def test_an_unknown_key_leaves_the_old_one(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """It is reported, and the action can still be reached, as the footer says."""
    (tmp_path / FILE).write_text('[keys]\nchat.search = "hyperspace"\ncomposer.send = "warp"\n')
    async with open_app(client, size=(120, 30), folder=tmp_path) as pilot:
        screen = await lobby(pilot)
        footer = screen_text(pilot).rstrip().rpartition("\n")[2]
        assert "F3 search" in footer
        assert "hyperspace" not in footer
        await pilot.press("a", "enter")
        await settled(pilot)
        assert ("send", LOBBY, "a", None) in client.calls
        await pilot.press("f3")
        assert pilot.app.screen is not screen
