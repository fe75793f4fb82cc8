"""A colour for each person: stable, readable in every theme, and never the only cue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.style import Style
from tests.client.ui.ui_fake import ALICE, BOB, CAROL
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from parlour_client.kit.terminal.contrast import ENOUGH, ratio
from parlour_client.kit.terminal.themes import OWN, needed_contrast, own_themes
from parlour_client.ui.person_colour import HUES, colour_of, place_of, readable
from parlour_protocol.kit.names import parse_user_name

PARTS = st.tuples(*[st.integers(0, 255)] * 3)
PEOPLE = [parse_user_name(f"user{number}") for number in range(200)]


@given(st.sampled_from(HUES), PARTS)
def test_it_stands_out_from_any_background(hue: int, background: tuple[int, int, int]) -> None:
    """A person's own theme may have any."""
    behind = Color(*background)
    for second in (False, True):
        assert ratio(readable(hue, behind, ENOUGH, second=second), behind) >= ENOUGH


def test_contrast_is_that_of_wcag() -> None:
    """The examples of its authors: black on white, and a grey at the edge of 4.5."""
    assert ratio(Color(0, 0, 0), Color(255, 255, 255)) == pytest.approx(21)
    assert ratio(Color(118, 118, 118), Color(255, 255, 255)) == pytest.approx(4.54, abs=0.01)


def test_it_is_the_same_everywhere() -> None:
    """It depends on the account's name only, and changes neither with Python nor with a release."""
    assert [place_of(user) for user in (ALICE, BOB, CAROL)] == [(150, False), (316, True), (294, True)]


def test_people_are_told_apart() -> None:
    """Two hundred people use all of the colours, none much more than its share; none is near red."""
    places = [place_of(user) for user in PEOPLE]
    assert len(set(places)) == 2 * len(HUES)
    assert max(map(places.count, places)) < 3 * 200 / (2 * len(HUES))
    assert all(30 < hue < 330 for hue in HUES)


@pytest.mark.parametrize("theme", [*OWN, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_in_each_theme(theme: Theme) -> None:
    """Colours are different where there are colours; greys and the terminal's palette have none."""
    background = theme.to_color_system().generate()["background"]
    style = Style.parse(f"on {background}") if background.startswith("#") else Style(bgcolor="default")
    colours = {str(colour_of(user, style, theme)) for user in PEOPLE}
    greys = {"monochrome", "textual-ansi", "ansi-dark", "ansi-light"}
    assert (len(colours) == 1) == (theme.name in greys)


@pytest.mark.parametrize("theme", own_themes("256")[:3], ids=lambda theme: theme.name)
@pytest.mark.parametrize("surface", ["background", "selection"])
def test_with_256_colours(theme: Theme, surface: str) -> None:
    """The colours that such a terminal draws can be read, and still tell people apart."""
    behind = (
        theme.to_color_system().generate()["background"]
        if surface == "background"
        else theme.variables[surface]
    )
    style, drawn = Style.parse(f"on {behind}"), set[Color]()
    back = _drawn(style.bgcolor)
    for user in PEOPLE:
        front = _drawn(colour_of(user, style, theme, "256").color)
        assert ratio(front, back) >= needed_contrast(theme)
        drawn.add(front)
    assert len(drawn) > 8


def _drawn(colour: RichColor | None) -> Color:
    """Return what a terminal of 256 colours draws."""
    assert colour is not None
    return Color(*colour.downgrade(ColorSystem.EIGHT_BIT).get_truecolor())
