"""A colour for each person: the same on every device, readable in every theme, never the only cue.

The hue comes from the account's name, the lightness from the background: the least change that reaches
``CONTRAST`` by the formula of WCAG 2. Without colours of its own (NO_COLOR, a theme of greys, the terminal's
palette) there is none.
"""

import colorsys
from functools import lru_cache
from hashlib import sha256
from typing import Final

from rich.color import Color as TerminalColor
from rich.color import ColorType
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from parlour_protocol.kit.names import UserName

CONTRAST: Final = 4.5
MORE_CONTRAST: Final = 7.0
"""In a theme that has no faded text: one for people who need more."""
HUES: Final = (0, 22, 38, 54, 80, 120, 150, 172, 190, 206, 224, 250, 272, 294, 316, 338)
"""Degrees; closer together where the eye tells them apart."""
_SATURATION: Final = 0.6
_STEPS: Final = 50
_MIDDLE: Final = 0.179
"""The luminance that white and black are equally far from: more than 4.5."""
_GREY: Final = 0.05
_LINEAR_BELOW: Final = 0.04045


def colour_of(user: UserName, style: Style, theme: Theme) -> Style:
    """Return the person's colour for text in this style; a null style if there is none."""
    background = style.bgcolor
    if background is None or background.type is not ColorType.TRUECOLOR or _is_grey(theme):
        return Style.null()
    needed = MORE_CONTRAST if theme.text_alpha == 1 else CONTRAST
    red, green, blue = background.get_truecolor()
    return Style(color=TerminalColor.from_rgb(*readable(hue_of(user), (red, green, blue), needed)))


def hue_of(user: UserName) -> int:
    """Return the hue of a person's colour, in degrees."""
    return HUES[sha256(user.encode()).digest()[0] % len(HUES)]


@lru_cache(maxsize=256)
def readable(hue: int, background: tuple[int, int, int], needed: float = CONTRAST) -> tuple[int, int, int]:
    """Return a colour of this hue with the contrast that is needed; black or white in the worst case."""
    light = luminance(background) < _MIDDLE
    ends = (0.68, 1.0) if light else (0.42, 0.0)
    levels = (ends[0] + (ends[1] - ends[0]) * step / _STEPS for step in range(_STEPS + 1))
    colours = (_of(hue, level) for level in levels)
    found = (colour for colour in colours if contrast(colour, background) >= needed)
    return next(found, _of(hue, ends[1]))


def _of(hue: int, level: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue / 360, level, _SATURATION)
    return round(red * 255), round(green * 255), round(blue * 255)


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance of WCAG 2, from 0 to 1."""
    red, green, blue = (
        level / 12.92 if level <= _LINEAR_BELOW else ((level + 0.055) / 1.055) ** 2.4
        for level in (part / 255 for part in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _is_grey(theme: Theme) -> bool:
    named = (theme.primary, theme.secondary, theme.accent)
    return all(Color.parse(colour).hsl.s < _GREY for colour in named if colour is not None)
