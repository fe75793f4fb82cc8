"""Colours: the themes that every program has."""

from typing import Final

from textual.theme import Theme

PLAIN: Final = "ansi-dark"
"""The terminal's own two colours, with NO_COLOR."""

OWN: Final = (
    Theme(
        "parlour", primary="#6ea8d8", secondary="#9ab87a", accent="#e0a458", warning="#e0a458",
        error="#e06c75", success="#8cc265", foreground="#d8dce4", background="#14171c", surface="#1b1f26",
        panel="#252b34",
    ),
    Theme(
        "parlour-light", primary="#1f5f99", secondary="#4d6b2c", accent="#8f5700", warning="#8f5700",
        error="#a8232d", success="#2f6b1d", foreground="#1d2129", background="#fbfaf7", surface="#f1efe9",
        panel="#e4e1d8", dark=False,
    ),
    Theme(
        "high-contrast", primary="#ffff00", secondary="#00ffff", accent="#ffff00", warning="#ffff00",
        error="#ff8080", success="#80ff80", foreground="#ffffff", background="#000000", surface="#000000",
        panel="#202020", text_alpha=1.0,
        variables={"text-muted": "#e0e0e0", "block-cursor-background": "#ffff00"},
    ),
    Theme(
        "monochrome", primary="#ffffff", secondary="#c8c8c8", accent="#ffffff", warning="#ffffff",
        error="#ffffff", success="#ffffff", foreground="#e4e4e4", background="#101010", surface="#181818",
        panel="#282828",
    ),
)  # fmt: skip
