"""Each theme can be read: the ratios of its colours, also as a terminal of 256 colours draws them."""

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from parlour_client.kit.terminal.contrast import ratio
from parlour_client.kit.terminal.themes import (
    LINES,
    OF_256,
    OF_THE_TERMINAL,
    OWN,
    ROLES,
    needed_contrast,
    own_themes,
    role_variables,
)

SURFACES = ("background", "surface", "panel")
BEHIND = {*SURFACES, "selection"}
DIFFERENT = {"primary", "accent", "warning", "error", "success"}


def variables(theme: Theme) -> dict[str, str]:
    """Return what style sheets are given."""
    return role_variables(theme, theme.to_color_system().generate())


def faint(colours: dict[str, Color], needed: float) -> dict[tuple[str, str], float]:
    """Return what stands out too little, and from what: lines are never drawn on the selection."""
    found = {
        (role, back): round(ratio(colours[role], colours[back]), 2)
        for role in ROLES
        if role not in BEHIND
        for back in (SURFACES if role == "frame" else sorted(BEHIND))
        if ratio(colours[role], colours[back]) < (LINES if role == "frame" else needed)
    }
    cursor = ratio(colours["background"], colours["primary"])
    return found | ({("cursor", "primary"): cursor} if cursor < needed else {})


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_every_role_can_be_read(theme: Theme) -> None:
    """Text has 4.5 to 1 on each surface and on the selection, 7 in high contrast; lines have 3."""
    colours = {role: Color.parse(variables(theme)[role]) for role in ROLES}
    assert not faint(colours, needed_contrast(theme))
    assert theme.name == "monochrome" or len({colours[role] for role in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("theme", OF_256, ids=lambda theme: theme.name)
def test_every_role_can_be_read_with_256_colours(theme: Theme) -> None:
    """What counts is what the terminal draws, and no two surfaces are one there."""
    colours = {role: drawn(variables(theme)[role]) for role in ROLES}
    assert not faint(colours, needed_contrast(theme))
    assert len({colours[role] for role in BEHIND}) == len(BEHIND)
    assert len({colours[role] for role in DIFFERENT}) == len(DIFFERENT)


def drawn(colour: str) -> Color:
    """Return what a terminal of 256 colours draws."""
    return Color(*RichColor.parse(colour.lower()).downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


MADE = ["frame", "dim", "link", "code"]


@pytest.mark.parametrize("theme", BUILTIN_THEMES.values(), ids=lambda theme: theme.name)
def test_what_a_theme_leaves_out_is_made(theme: Theme) -> None:
    """A theme of Textual's, or of a file, has every role; those that are made can be read."""
    found = variables(theme)
    assert {*ROLES} <= {*found}
    if not theme.ansi:
        colours = {role: Color.parse(found[role]) for role in ROLES}
        assert not {key: by for key, by in faint(colours, 4.45).items() if key[0] in MADE}


def test_themes_follow_the_terminal() -> None:
    """Names are the same, whatever it can; where it has 256 colours, ours are among them."""
    names = [theme.name for theme in own_themes("truecolor")]
    assert names == [theme.name for theme in own_themes("256")]
    assert own_themes("256")[0] is OF_256[0]
    assert own_themes(None)[0] is OWN[0]


def test_the_terminals_own_colours() -> None:
    """Only magenta, red and green besides what the terminal writes in."""
    found = {role: variables(OF_THE_TERMINAL)[role] for role in ROLES}
    coloured = {
        role: colour for role, colour in found.items() if colour not in {"ansi_default", "transparent"}
    }
    assert coloured == {"accent": "ansi_magenta", "error": "ansi_red", "success": "ansi_green"}
