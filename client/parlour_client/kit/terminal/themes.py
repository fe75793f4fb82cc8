"""Colours: the roles that they have, and the themes that every program has.

A colour has one meaning. Lists, dialogs and code are on `surface`; headings, fields and the status row on
`panel`. `primary` is where the focus is, and keys; `accent` calls the person: mentions, what is new, hits
of a search. `warning` needs them soon, `error` is an alarm, a refusal or irreversible, `success` says
verified or connected again. `frame` draws lines, `selection` is behind the one selected row, `dim` is for
what is read last. A theme may leave out these three, `link` and `code`: they are made from its other ones.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from rich.color import Color as RichColor
from textual.color import Color
from textual.theme import Theme

from parlour_client.kit.terminal.contrast import ENOUGH, HIGH, readable

LINES: Final = 3.0
"""The least contrast of lines and marks: WCAG 2.2, 1.4.11."""
TERMINAL: Final = "terminal"
"""The theme of the terminal's own colours, for one of sixteen or of none."""
ROLES: Final = (
    "background", "surface", "panel", "selection", "foreground", "dim", "primary",
    "frame", "accent", "warning", "error", "success", "link", "code",
)  # fmt: skip
VARIABLES: Final = frozenset({"selection", "dim", "frame", "link", "code"})
"""The roles that Textual's themes have as variables."""
_MADE_FROM: Final = ("foreground", "primary", "secondary", "background", "surface", "panel")
_FADED, _BEHIND = 0.35, 0.75
"""How much of the background `dim` and `selection` have, where they are made."""
_GREYS: Final = 231
"""Where the greys of the 256 colours begin."""
_GREY_STEP: Final = 10.2


def _theme(name: str, *colours: str, dark: bool = True, text_alpha: float = 0.95) -> Theme:
    named = dict(zip(ROLES, colours, strict=True))
    variables = {role: named.pop(role) for role in ROLES if role in VARIABLES}
    return Theme(name, dark=dark, text_alpha=text_alpha, variables=variables, **named)  # type: ignore[arg-type]


def indexed(number: int) -> str:
    """Return what a terminal of 256 colours draws as one of the last 240: greys are counted by lightness."""
    grey = round((number - _GREYS) * _GREY_STEP)
    red, green, blue = (grey,) * 3 if number > _GREYS else RichColor.from_ansi(number).get_truecolor()
    return Color(red, green, blue).hex


_DARK: Final = (
    "#14171c", "#1b1f26", "#252b34", "#2c4157", "#d8dce4", "#a7afbb", "#7db4e6",
    "#75808f", "#ecab62", "#e3cd6a", "#ff9098", "#93cc6c", "#8fbfec", "#86d3bd",
)  # fmt: skip
_LIGHT: Final = (
    "#fbfaf7", "#f1efe9", "#e6e3da", "#cfe0ef", "#1d2129", "#51575f", "#1b5a94",
    "#757a80", "#8a4a00", "#6b5300", "#a01c28", "#2a6119", "#174f86", "#0a5a50",
)  # fmt: skip
_DAY: Final = (
    "#ffffff", "#f2f4f7", "#e6eaf0", "#cce4d8", "#15191f", "#4b525c", "#005a66",
    "#6d747e", "#92400e", "#6a5200", "#a3162d", "#256325", "#0f4c9c", "#5b3a8c",
)  # fmt: skip
_DARK_256: Final = (233, 234, 236, 238, 253, 250, 117, 245, 215, 228, 217, 150, 153, 158)
_LIGHT_256: Final = (231, 254, 253, 189, 235, 239, 24, 242, 89, 58, 88, 22, 18, 23)
_DAY_256: Final = (231, 255, 254, 195, 234, 239, 23, 242, 89, 58, 88, 22, 18, 54)

OWN: Final = (
    _theme("parlour", *_DARK),
    _theme("parlour-light", *_LIGHT, dark=False),
    _theme("parlour-day", *_DAY, dark=False),
    _theme(
        "high-contrast", "#000000", "#000000", "#202020", "#00305f", "#ffffff", "#e0e0e0", "#00ffff",
        "#b0b0b0", "#ffb86b", "#ffff00", "#ffa8a8", "#80ff80", "#8fd7ff", "#9dffe0", text_alpha=1.0,
    ),
    _theme(
        "monochrome", "#101010", "#181818", "#282828", "#454545", "#e4e4e4", "#b8b8b8", "#ffffff",
        "#8c8c8c", "#ffffff", "#ffffff", "#ffffff", "#ffffff", "#ffffff", "#e4e4e4",
    ),
)  # fmt: skip
OF_256: Final = (
    _theme("parlour", *map(indexed, _DARK_256)),
    _theme("parlour-light", *map(indexed, _LIGHT_256), dark=False),
    _theme("parlour-day", *map(indexed, _DAY_256), dark=False),
)
"""The same for a terminal of 256 colours: the nearest ones of those above are navy, teal and black."""
OF_THE_TERMINAL: Final = Theme(
    TERMINAL, ansi=True, primary="ansi_default", accent="ansi_magenta", warning="ansi_default",
    error="ansi_red", success="ansi_green", foreground="ansi_default", background="ansi_default",
    surface="ansi_default", panel="ansi_default",
    variables=dict.fromkeys(("ansi-background", "ansi-foreground"), "ansi_default"),
)  # fmt: skip
"""The person chose these colours, so contrast is not known: bold, underlined and reversed say the same."""


def own_themes(color_system: str | None) -> tuple[Theme, ...]:
    """Return the themes of this package for a terminal with these colours, as Rich names them."""
    of_256 = {theme.name: theme for theme in OF_256} if color_system == "256" else {}
    return (*(of_256.get(theme.name, theme) for theme in OWN), OF_THE_TERMINAL)


def needed_contrast(theme: Theme) -> float:
    """Return the least ratio of text: more in a theme for people who need more."""
    return HIGH if theme.text_alpha == 1 else ENOUGH


def role_variables(theme: Theme, colours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of style sheets for every role, and for Textual's widgets.

    ``colours`` are Textual's variables of the theme.
    """
    roles = {role: getattr(theme, role) or colours[role] for role in ROLES if role not in VARIABLES}
    if theme.ansi:
        roles |= dict.fromkeys(VARIABLES, "ansi_default")
    else:
        roles |= _made(*(colours[name] for name in _MADE_FROM), needed=needed_contrast(theme))
    roles |= {role: colour for role, colour in theme.variables.items() if role in VARIABLES}
    on_selection = {"background": roles["selection"], "foreground": roles["foreground"]}
    return {
        **roles,
        **{f"text-{role}": roles[role] for role in ("primary", "accent", "warning", "error", "success")},
        **dict.fromkeys(("text-muted", "text-disabled", "footer-foreground"), roles["dim"]),
        **{f"block-cursor-{part}": colour for part, colour in on_selection.items()},
        "block-cursor-blurred-background": "transparent",
        "block-hover-background": roles["panel"],
        "block-cursor-blurred-foreground": roles["foreground"],
        **({} if theme.ansi else {f"input-selection-{part}": at for part, at in on_selection.items()}),
        "input-cursor-background": roles["primary"],
        "input-cursor-foreground": roles["background"],
        "border": roles["primary"],
        "border-blurred": roles["frame"],
        "footer-key-foreground": roles["primary"],
        **dict.fromkeys(("scrollbar", "scrollbar-hover", "scrollbar-active"), roles["frame"]),
        **dict.fromkeys(
            (f"scrollbar-{part}" for part in ("background", "background-hover", "background-active")),
            "transparent",
        ),
    }


@lru_cache(64)
def _made(*colours: str, needed: float) -> dict[str, str]:
    """Return colours for the roles that a theme has no variables for: the least change that can be read."""
    text, focus, second, background, surface, panel = map(Color.parse, colours)
    selection, surfaces = focus.blend(background, _BEHIND), [background, surface, panel]
    wanted = {
        "dim": (text.blend(background, _FADED), [*surfaces, selection], needed),
        "frame": (text.blend(background, 0.5), surfaces, LINES),
        "link": (focus, [*surfaces, selection], needed),
        "code": (second, [*surfaces, selection], needed),
    }
    made = {"selection": selection}
    for role, (colour, behind, least) in wanted.items():
        made[role] = colour
        for back in behind:
            made[role] = readable(made[role], back, least)
    return {role: colour.hex6 for role, colour in made.items()}
