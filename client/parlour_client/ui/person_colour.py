"""A colour for each person: the same on every device, readable in every theme, never the only cue.

The hue comes from the account's name, and one of two lightnesses; from there it is the least change that
reaches the theme's contrast. None is near red, which is trouble. Without colours of its own (NO_COLOR, a
theme of greys, the terminal's palette) there is none.
"""

import colorsys
from functools import lru_cache
from hashlib import sha256
from typing import Final

from rich.color import ColorSystem, ColorType
from rich.style import Style
from textual.color import BLACK, WHITE, Color
from textual.theme import Theme

from parlour_client.kit.terminal.contrast import ratio
from parlour_client.kit.terminal.themes import needed_contrast
from parlour_protocol.kit.names import UserName

HUES: Final = (38, 54, 80, 120, 150, 172, 190, 206, 224, 250, 272, 294, 316)
"""Degrees; closer together where the eye tells them apart."""
ON_DARK, ON_LIGHT = (0.68, 0.82), (0.42, 0.30)
"""The lightnesses of HLS on dark and on light."""
_SATURATION: Final = 0.6
_STEPS: Final = 50
_GREY: Final = 0.05


def colour_of(user: UserName, style: Style, theme: Theme, color_system: str | None = None) -> Style:
    """Return the person's colour for text in this style; a null style if there is none.

    ``color_system`` is the terminal's, as Rich names it.
    """
    background = style.bgcolor
    if background is None or background.type is not ColorType.TRUECOLOR or _is_grey(theme):
        return Style.null()
    hue, second = place_of(user)
    behind = Color.from_rich_color(background)
    colour = readable(hue, behind, needed_contrast(theme), second=second, of_256=color_system == "256")
    return Style(color=colour.rich_color)


def place_of(user: UserName) -> tuple[int, bool]:
    """Return the hue of a person's colour in degrees, and whether it has the second lightness."""
    digest = sha256(user.encode()).digest()
    return HUES[digest[0] % len(HUES)], bool(digest[2] % 2)


@lru_cache(maxsize=512)
def readable(
    hue: int, background: Color, needed: float, *, second: bool = False, of_256: bool = False
) -> Color:
    """Return a colour of this hue with the contrast that is needed; black or white in the worst case.

    With ``of_256`` what counts is what a terminal of 256 colours draws.
    """
    seen = _drawn if of_256 else lambda colour: colour
    back = seen(background)
    is_dark = ratio(WHITE, back) > ratio(BLACK, back)
    begin, end = (ON_DARK if is_dark else ON_LIGHT)[second], float(is_dark)
    for step in range(_STEPS + 1):
        level = begin + (end - begin) * step / _STEPS
        red, green, blue = colorsys.hls_to_rgb(hue / 360, level, _SATURATION)
        colour = Color(round(255 * red), round(255 * green), round(255 * blue))
        if ratio(seen(colour), back) >= needed:
            return colour
    return WHITE if is_dark else BLACK


def _drawn(colour: Color) -> Color:
    return Color(*colour.rich_color.downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


def _is_grey(theme: Theme) -> bool:
    named = (theme.primary, theme.secondary, theme.accent)
    return all(Color.parse(colour).hsl.s < _GREY for colour in named if colour is not None)
