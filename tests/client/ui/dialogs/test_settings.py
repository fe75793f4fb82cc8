"""The settings on the screen: made from the table, changed in place, kept in the file."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.pseudo_terminal import Terminal
from tests.client.ui.ui_fake import FakeClient
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.core.settings import BY_KEY, FILE, groups, load
from parlour_client.kit.widgets.questions import Choices
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.settings import SettingsScreen


async def at(pilot: Pilot[None], key: str) -> SettingsScreen:
    """Open the settings at one of them."""
    assert isinstance(pilot.app, ParlourApp)
    pilot.app.action_settings(key)
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, SettingsScreen)
    return screen


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (160, 50)])
async def test_every_setting_is_there_with_its_help(
    client: FakeClient, open_app: OpenApp, size: tuple[int, int]
) -> None:
    """In a small terminal, too."""
    async with open_app(client, size=size) as pilot:
        await pilot.press("f10")
        for key in (key for keys in groups().values() for key in keys):
            await settled(pilot)
            row, text = BY_KEY[key], screen_text(pilot)
            assert row.key in text
            assert row.help.split()[0].lower() in text.lower()
            assert ("Left, Right: choose" if row.words else "Enter: change") in text
            await pilot.press("down")  # goes on to the next section behind the last one


async def test_a_switch_a_choice_and_a_text(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Each holds at once and is in the file."""
    async with open_app(client, folder=tmp_path) as pilot:
        await at(pilot, "reduced_motion")
        await pilot.press("enter")
        await settled(pilot)
        assert load(tmp_path).reduced_motion
        await pilot.press("escape")
        await at(pilot, "notifications")
        assert "[bell] 1 of 6" in screen_text(pilot)
        await pilot.press("right", "right", "left")
        await settled(pilot)
        assert load(tmp_path).notifications == "osc9"
        assert "[osc9] 2 of 6" in screen_text(pilot)
        await pilot.press("escape")
        await at(pilot, "editor")
        await pilot.press("enter", *"vim -n", "enter")
        await settled(pilot)
        assert load(tmp_path).editor == "vim -n"
        await pilot.press("enter", "enter")  # nothing brings the default back
        await settled(pilot)
        assert load(tmp_path).editor == ""


async def test_a_change_stays_in_sight(client: FakeClient, open_app: OpenApp) -> None:
    """The last setting of the list, on a small terminal."""
    async with open_app(client) as pilot:
        await at(pilot, "clipboard")
        assert "> clipboard       [ask] 1 of 3" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert "> clipboard       [program] 2 of 3" in screen_text(pilot)


async def test_reduced_motion_holds_at_once(client: FakeClient, open_app: OpenApp) -> None:
    """The cursor of the composer stops blinking."""
    async with open_app(client) as pilot:
        composer = pilot.app.screen.query_one("#composer")
        assert getattr(composer, "cursor_blink") is True  # noqa: B009 - of the text area
        await at(pilot, "reduced_motion")
        await pilot.press("enter", "escape")
        await settled(pilot)
        assert getattr(composer, "cursor_blink") is False  # noqa: B009 - the same


async def test_typing_is_shared_by_the_setting_alone(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """Nothing is told before it is turned on; `/typing on` turns it on and keeps it."""
    async with open_app(client, folder=tmp_path) as pilot:
        await pilot.press(*"abc")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] == "typing"]
        await pilot.press(*["backspace"] * 3, *"/typing on", "enter")
        await settled(pilot)
        await pilot.press(*"abc")
        await settled(pilot)
        assert [call for call in client.calls if call[0] == "typing"]
    assert load(tmp_path).typing


async def test_an_error_is_shown_and_nothing_is_lost(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """A file with a mistake starts with the defaults, and is never written over."""
    (tmp_path / FILE).write_text('# mine\nvim = "yes\n[/nope]\x1b]0;x\x07')
    before = (tmp_path / FILE).read_text()
    async with open_app(client, size=(120, 40), folder=tmp_path) as pilot:
        assert "Some settings are not valid" in screen_text(pilot)
        await at(pilot, "vim")
        assert "isn't valid TOML" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert "nothing was written" in screen_text(pilot)
        assert "vim             [off] on" in screen_text(pilot)
    assert (tmp_path / FILE).read_text() == before


async def test_a_key_is_changed_on_the_screen(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Every binding is in the list; a conflict is said at once."""
    async with open_app(client, size=(120, 60), folder=tmp_path) as pilot:
        screen = await at(pilot, "keys")
        screen._set_keys("chat.search", "ctrl+f")
        await settled(pilot)
        assert load(tmp_path).keys == {"chat.search": "ctrl+f"}
        await pilot.press("enter")
        await settled(pilot)
        keys = pilot.app.screen.query_one(Choices)
        assert str(keys.get_option("chat.search").prompt).startswith("* chat.search")
        assert keys.get_option("timeline.reply")
        await pilot.press("escape")
        screen._set_keys("chat.search", "f1")
        await settled(pilot)
        assert "f1 is both chat.search and chat.help" in screen_text(pilot)
        screen._set_keys("chat.search", "")
        await settled(pilot)
        assert load(tmp_path).keys == {}


@pytest.mark.parametrize("mouse", [True, False])
def test_the_mouse_is_asked_for_only_where_it_is_wanted(tmp_path: Path, *, mouse: bool) -> None:
    """With the setting off the terminal keeps its own selecting and pasting."""
    (tmp_path / FILE).write_text(f"mouse = {str(mouse).lower()}\n")
    (tmp_path / "texts.json").write_text("[]")
    script = Path(__file__).parents[1] / "in_terminal.py"
    environment = {"HOME_OF_THE_TEST": str(tmp_path)}
    terminal = Terminal(script, str(tmp_path / "texts.json"), columns=80, rows=24, env=environment)
    terminal.read_until(b"END OF ALL")
    terminal.finish()
    assert (b"\x1b[?1000h" in terminal.output) is mouse


async def test_slash_settings_and_the_palette_open_it(client: FakeClient, open_app: OpenApp) -> None:
    """From the keyboard alone, by three ways."""
    async with open_app(client) as pilot:
        await pilot.press(*"/settings", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, SettingsScreen)
        await pilot.press("escape", "ctrl+p")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "Setting: notify_for"
        await pilot.pause()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, SettingsScreen)
        marked = screen.query_one("#rows", Choices).highlighted_option
        assert marked is not None
        assert marked.id == "notify_for"


async def test_the_file_opens_in_the_persons_editor(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved there takes effect at once, and a mistake is shown with its line."""
    script = tmp_path / "editor.sh"
    monkeypatch.setenv("VISUAL", f"sh {script}")
    async with open_app(client, size=(120, 30), folder=tmp_path) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        monkeypatch.setattr(pilot.app, "lend_terminal", nullcontext)  # a test has no terminal to lend
        script.write_text('echo \'timestamps = "seconds"\' > "$1"\n')
        await screen.pane.commands.run("/settings file")
        await settled(pilot)
        assert settings_of(screen).timestamps == "seconds"
        assert pilot.app.screen is screen
        script.write_text("echo 'timestamps = 7' > \"$1\"\n")
        await screen.pane.commands.run("/settings file")
        await settled(pilot)
        assert settings_of(screen).timestamps == "minutes"
        assert "timestamps is one of" in screen_text(pilot)


def test_every_setting_is_in_one_group() -> None:
    """A new one must be put where people look for it."""
    assert sorted(key for keys in groups().values() for key in keys) == sorted(BY_KEY)


async def test_typing_searches_names_explanations_and_choices(client: FakeClient, open_app: OpenApp) -> None:
    """Esc shows all of them again, and closes after that."""
    async with open_app(client) as pilot:
        screen = await at(pilot, "theme")
        assert "Appearance" in screen_text(pilot)
        await pilot.press(*"misspelt")
        text = screen_text(pilot)
        assert "/ misspelt" in text
        assert "spelling" in text
        assert "Writing" in text
        assert "theme" not in text
        await pilot.press(*" zzz")
        assert "No setting is about this." in screen_text(pilot)
        await pilot.press("escape", *"osc777")
        assert "notifications" in screen_text(pilot)
        assert "One of: off, bell, osc9" in screen_text(pilot)
        await pilot.press("escape")
        assert pilot.app.screen is screen
        await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_d_brings_back_the_default_where_there_is_another_value(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """It says so there; a setting that has its default is not changed, and d is a letter of the search."""
    (tmp_path / FILE).write_text('timestamps = "off"\n')
    async with open_app(client, size=(100, 24), folder=tmp_path) as pilot:
        await at(pilot, "timestamps")
        text = screen_text(pilot)
        assert "> timestamps      minutes seconds [off]" in text
        assert "d: the default" in text
        await pilot.press("d")
        await settled(pilot)
        assert load(tmp_path).timestamps == "minutes"
        text = screen_text(pilot)
        assert "> timestamps      [minutes] seconds off" in text
        assert "d: the default" not in text
        await pilot.press(*"down")
        await settled(pilot)
        assert "/ down" in screen_text(pilot)
        assert "> downloads" in screen_text(pilot)


@pytest.mark.parametrize(("width", "columns"), [(100, 3), (99, 2), (60, 2), (59, 1)])
async def test_the_columns_are_those_that_fit(
    client: FakeClient, open_app: OpenApp, width: int, columns: int
) -> None:
    """The explanation goes to the bottom, then the sections away, until Esc goes back to them."""
    async with open_app(client, size=(width, 24)) as pilot:
        screen = await at(pilot, "bell")
        rows = screen_text(pilot).split("\n")
        row = next(row for row in rows if "> bell" in row)
        assert row.count("│") == columns - 1
        assert ("Rooms" in screen_text(pilot)) is (columns > 1)
        assert ("Let Parlour ring" in rows[2]) is (columns == 3)
        await pilot.press("escape")
        assert (pilot.app.screen is screen) is (columns == 1)
        assert ("Esc sections" in rows[0]) is (columns == 1)
        if columns == 1:
            assert "> Notifications" in screen_text(pilot)
            assert "Esc close" in screen_text(pilot)
            await pilot.press("down", "enter")
            await settled(pilot)
            assert "> typing" in screen_text(pilot)


async def test_tab_goes_to_the_sections_and_back(client: FakeClient, open_app: OpenApp) -> None:
    """Its values follow the section."""
    async with open_app(client, size=(100, 24)) as pilot:
        await at(pilot, "theme")
        await pilot.press("tab", "down")
        await settled(pilot)
        assert "> Writing" in screen_text(pilot)
        assert "> send_on" in screen_text(pilot)
        await pilot.press("right", "right")
        await settled(pilot)
        assert "send_on         enter [ctrl+enter]" in screen_text(pilot)


async def test_esc_is_named_by_what_it_does(client: FakeClient, open_app: OpenApp) -> None:
    """From a search to all settings, from there to the sections where they are hidden, and then away."""
    async with open_app(client, size=(40, 15)) as pilot:
        screen = await at(pilot, "theme")
        await pilot.press(*"bell")
        for words in ("Esc all settings", "Esc sections", "Esc close"):
            await settled(pilot)
            assert words in screen_text(pilot).split("\n")[0]
            assert pilot.app.screen is screen
            await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_what_is_wrong_can_be_read_to_its_end(client: FakeClient, open_app: OpenApp) -> None:
    """Tab goes there if it has to be scrolled; the settings stay below it."""
    wrong = [f"keys: there is no chat.nothing{number}; did you mean chat.switch?" for number in range(9)]
    async with open_app(client, size=(40, 15)) as pilot:
        assert isinstance(pilot.app, ParlourApp)
        screen = SettingsScreen(wrong)
        pilot.app.push_screen(screen)
        await settled(pilot)
        assert "nothing8" not in screen_text(pilot)
        await pilot.press("tab", "end")
        await settled(pilot)
        assert "nothing8" in screen_text(pilot)
        assert "Enter: change" in screen_text(pilot)
        await pilot.press("tab")
        await settled(pilot)
        assert "> Appearance" in screen_text(pilot)
