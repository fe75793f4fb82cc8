"""Emoji by name: `:thumbs` finds 👍 for completion, and `:tada:` in what a person writes is sent as 🎉.

Names come from the ``emoji`` package, loaded at the first use. Only emoji that the text rule shows as
themselves are used, so that everyone sees the same. Code in backquotes stays as it is.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from parlour_protocol.kit.text import safe_text

SHORTEST: Final = 2
"""Letters after the colon before anything is offered: `:)` and `10:30` are no names."""


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, str], ...]:
    """Return (name without colons, emoji), the shorter names first."""
    from emoji import EMOJI_DATA, STATUS  # noqa: PLC0415 - 50 ms, when the first is asked for

    whole = STATUS["fully_qualified"]
    found = {
        name.strip(":").lower(): emoji
        for emoji, about in EMOJI_DATA.items()
        if about["status"] == whole
        for name in (about["en"], *about.get("alias", ()))
    }
    return tuple(sorted(found.items(), key=lambda pair: (len(pair[0]), pair[0])))


def named(typed: str, most: int) -> list[tuple[str, str]]:
    """Return up to ``most`` (name, emoji) for the text after the colon: beginnings first, then parts."""
    typed = typed.lower()
    if len(typed) < SHORTEST:
        return []
    names = _names()
    begin = [pair for pair in names if pair[0].startswith(typed)]
    inside = [pair for pair in names if f"_{typed}" in pair[0]]
    offered: dict[str, str] = {}
    for name, emoji in (*begin, *inside):
        if emoji not in offered and not safe_text(emoji).hidden:
            offered[emoji] = name
        if len(offered) == most:
            break
    return [(name, emoji) for emoji, name in offered.items()]


_WRITTEN: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|(?<![\w:/]):([^\s:`/]{1,64}):(?![\w:])", re.DOTALL)
"""A code block, code in a line, or a name between colons that is not part of a time, an address or a word."""


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, str]:
    return dict(_names())


def with_emoji(text: str) -> str:
    """Return a text in which names of emoji between colons are those emoji; anything else stays."""
    return _WRITTEN.sub(_emoji, text) if text.count(":") > 1 else text


def _emoji(found: re.Match[str]) -> str:
    emoji = _by_name().get((found[1] or "").lower(), "")
    return emoji if emoji and not safe_text(emoji).hidden else found[0]
