"""A colour for each person: stable, readable in every theme, and never the only cue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from tests.client.ui.ui_fake import ALICE, BOB, CAROL
from textual.theme import BUILTIN_THEMES, Theme

from parlour_client.kit.terminal.themes import OWN
from parlour_client.ui.person_colour import CONTRAST, HUES, colour_of, contrast, hue_of, readable
from parlour_protocol.kit.names import parse_user_name

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(st.sampled_from(HUES), COLOURS)
def test_it_stands_out_from_any_background(hue: int, background: tuple[int, int, int]) -> None:
    """A person's own theme may have any."""
    assert contrast(readable(hue, background), background) >= CONTRAST


def test_contrast_is_that_of_wcag() -> None:
    """The examples of its authors: black on white, and a grey at the edge of 4.5."""
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


def test_it_is_the_same_everywhere() -> None:
    """It depends on the account's name only, and changes neither with Python nor with a release."""
    assert [hue_of(user) for user in (ALICE, BOB, CAROL)] == [250, 22, 272]


def test_people_are_told_apart() -> None:
    """Two hundred people use all of the colours, none much more than its share."""
    hues = [hue_of(parse_user_name(f"user{number}")) for number in range(200)]
    assert set(hues) == set(HUES)
    assert max(map(hues.count, HUES)) < 3 * 200 / len(HUES)


@pytest.mark.parametrize("theme", [*OWN, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_in_each_theme(theme: Theme) -> None:
    """Colours are different where there are colours; greys and the terminal's palette have none."""
    background = theme.to_color_system().generate()["background"]
    style = Style.parse(f"on {background}") if background.startswith("#") else Style(bgcolor="default")
    colours = {str(colour_of(parse_user_name(f"user{number}"), style, theme)) for number in range(200)}
    greys = {"monochrome", "textual-ansi", "ansi-dark", "ansi-light"}
    assert (len(colours) == 1) == (theme.name in greys)
