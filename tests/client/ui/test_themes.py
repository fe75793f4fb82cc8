"""Colours: the person's own, read while one looks; and terminals with few colours or none."""

import re
from pathlib import Path

import pytest
from rich.segment import Segment
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.pseudo_terminal import Terminal
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.color import Color
from textual.screen import Screen
from textual.theme import Theme

from parlour_client.core.settings import FILE, load
from parlour_client.extras.theme_files.folder import Folder, read
from parlour_client.extras.tour.panel import Step, show
from parlour_client.kit.terminal.themes import OF_256, OF_THE_TERMINAL
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen

SCRIPT = Path(__file__).with_name("in_terminal.py")
DUSK = 'primary = "#112233"\nbackground = "#010203"\n'


def themes(folder: Path, **files: str) -> Path:
    """Write theme files."""
    (folder / "themes").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "themes" / f"{name}.toml").write_text(text)
    return folder


def test_a_theme_is_colours(tmp_path: Path) -> None:
    """Names of colours are taken, and written as numbers."""
    themes(tmp_path, dusk='primary = "teal"\ndark = false\n')
    theme = read(tmp_path / "themes" / "dusk.toml")
    assert (theme.name, theme.primary, theme.dark) == ("dusk", "#008080", False)


WRONG = [
    ("primary = '#12'\n", "primary is a colour"),
    ("primary = 'red; } * { display: none'\n", "primary is a colour"),
    ("primary = 1\n", "primary is a colour"),
    ("secondary = 'red'\n", "it needs at least primary"),
    ("primary = 'red'\nborder = 'red'\n", "there is no colour border"),
    ("primary = 'red'\ndark = 'yes'\n", "dark is true or false"),
    ("primary = \n", "line 1"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_an_error_in_a_theme_is_reported(tmp_path: Path, text: str, words: str) -> None:
    """A value that is no colour would be read as a style sheet."""
    themes(tmp_path, dusk=text)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "themes" / "dusk.toml")


def test_an_invalid_name_is_reported(tmp_path: Path) -> None:
    """It becomes the name of a class of the style sheet."""
    (tmp_path / "My Theme {}.toml").write_text(DUSK)
    with pytest.raises(ValueError, match="lowercase letters"):
        read(tmp_path / "My Theme {}.toml")


def test_the_folder_tells_of_changes_alone(tmp_path: Path) -> None:
    """Nothing is read again before a file changes, comes or goes."""
    folder = Folder(tmp_path / "themes")
    assert folder.changed() is None
    themes(tmp_path, dusk=DUSK)
    first = folder.changed()
    assert first is not None
    assert set(first.themes) == {"dusk"}
    assert folder.changed() is None
    themes(tmp_path, dusk=DUSK + 'accent = "red"\n', dawn="primary = 'x'")
    second = folder.changed()
    assert second is not None
    assert set(second.themes) == {"dusk"}
    assert second.problems == ('themes/dawn.toml: primary is a colour such as "#6ea8d8" or "teal".',)
    (tmp_path / "themes" / "dawn.toml").unlink()
    third = folder.changed()
    assert third is not None
    assert not third.problems


async def test_a_theme_takes_effect_while_one_looks(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """A change of the file changes the screen; a broken one changes nothing and is said."""
    themes(tmp_path, dusk=DUSK)
    (tmp_path / FILE).write_text('theme = "dusk"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        app = pilot.app
        assert isinstance(app, ParlourApp)
        assert app.theme_variables["background"] == "#010203"
        themes(tmp_path, dusk=DUSK.replace("#010203", "#040506") + "\n")
        app.theming.look()
        await settled(pilot)
        assert app.theme_variables["background"] == "#040506"
        assert app.screen.query_one("#timeline").styles.background.hex == "#040506"
        themes(tmp_path, dusk="primary = 'nope'\n\n\n")
        app.theming.look()
        await settled(pilot)
        assert app.theme_variables["background"] == "#040506"
        assert "Some settings are not valid" in screen_text(pilot)
        assert "themes/dusk.toml: primary is a colour" in "\n".join(app.theming.problems())


async def test_an_unknown_theme_is_reported(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """The default holds."""
    (tmp_path / FILE).write_text('theme = "nowhere"\n')
    async with open_app(client, folder=tmp_path) as pilot:
        assert pilot.app.theme == "parlour"
        assert isinstance(pilot.app, ParlourApp)
        assert pilot.app.theming.problems() == ["theme: there is no theme nowhere; using the default."]


async def test_a_theme_chosen_in_the_palette_is_kept(
    client: FakeClient, open_app: OpenApp, tmp_path: Path
) -> None:
    """The next start has it."""
    async with open_app(client, folder=tmp_path) as pilot:
        pilot.app.theme = "high-contrast"
        await settled(pilot)
    assert load(tmp_path).theme == "high-contrast"


LOOKED_AT = ["parlour", "parlour-light", "high-contrast", "monochrome", "faint", "solarized-light"]


@pytest.mark.parametrize("names", [LOOKED_AT, pytest.param([], marks=pytest.mark.long, id="all")])
async def test_every_theme_can_be_read(
    client: FakeClient, open_app: OpenApp, tmp_path: Path, names: list[str]
) -> None:
    """Each word stands out from what is behind it (WCAG: 4.5 to 1; high contrast 7 to 1).

    The tour, a selected message, every kind of text beside it, in a person's own theme too.
    """
    themes(tmp_path, faint='primary = "#7090ff"\nbackground = "#5070d0"\nforeground = "#a0ffa0"\n')
    client.say(LOBBY, client.account.user, "hello @alice \x1b")
    async with open_app(client, size=(140, 30), folder=tmp_path) as pilot:
        app = pilot.app
        assert isinstance(app.screen, ChatScreen)
        show(app.screen, (Step("one"), Step("two")))
        await app.screen.pane.navigation.open(LOBBY)
        await pilot.press("alt+up")
        await settled(pilot)
        # the colours of one with the terminal's own are the person's, and not known here
        known = [name for name, theme in app.available_themes.items() if not theme.ansi]
        for theme in names or known:
            app.theme = theme
            await pilot.pause()
            assert not _faint(app.screen, 7 if theme == "high-contrast" else 4.5), theme


def _faint(screen: Screen[object], needed: float) -> dict[str, float]:
    return {
        segment.text: round(_contrast(_light(front), _light(back)), 1)
        for strip in screen._compositor.render_strips()
        for segment in strip
        if any(map(str.isalnum, segment.text))
        for front, back in [_colours_of(segment)]
        if _contrast(_light(front), _light(back)) < needed
    }


def _colours_of(segment: Segment) -> tuple[Color, Color]:
    style = segment.style
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    front, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    if style.dim:
        front = back.blend(front, 0.66)
    return (back, front) if style.reverse else (front, back)


def _light(colour: Color) -> float:
    """Return the relative luminance as WCAG has it."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: float, other: float) -> float:
    light, dark = max(one, other), min(one, other)
    return (light + 0.05) / (dark + 0.05)


def drawn(tmp_path: Path, **environment: str) -> bytes:
    """Run the real client in a terminal and return what it wrote."""
    (tmp_path / "texts.json").write_text('["hello"]')
    terminal = Terminal(SCRIPT, str(tmp_path / "texts.json"), columns=80, rows=24, env=environment)
    terminal.read_until(b"END OF ALL")
    terminal.finish()
    return terminal.output


def test_with_no_color_no_colour_is_sent(tmp_path: Path) -> None:
    """Not even a grey: what stands out is bold, dim or reversed."""
    output = drawn(tmp_path, NO_COLOR="1")
    assert not [code for code in _colours(output) if code]


def test_sixteen_colours_are_enough(tmp_path: Path) -> None:
    """A terminal of sixteen gets red, green and magenta: what they look like is the person's choice."""
    output = drawn(tmp_path, COLORTERM="", TERM="xterm")
    assert _colours(output) <= {"31", "32", "35"}


@pytest.mark.parametrize(("system", "theme"), [("256", OF_256[0]), ("standard", OF_THE_TERMINAL)])
async def test_the_theme_is_one_for_the_terminal(
    client: FakeClient,
    open_app: OpenApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    theme: Theme,
) -> None:
    """The setting stays as it is, for another terminal."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", system)
    async with open_app(client, folder=tmp_path) as pilot:
        assert pilot.app.current_theme is theme
    assert load(tmp_path).theme == "parlour"


def _colours(output: bytes) -> set[str]:
    """Return the colour codes among the SGR sequences."""
    found = set()
    for parameters in re.findall(rb"\x1b\[([0-9;]*)m", output):
        for code in parameters.decode().split(";"):
            if code and (30 <= int(code) <= 48 or 90 <= int(code) <= 107) and int(code) != 39:
                found.add(code)
    return found
