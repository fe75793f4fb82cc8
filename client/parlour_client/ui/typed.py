"""The wall on what is typed and pasted: nothing gets into the composer that it could not show.

Controls, bidi overrides and other forbidden code points are taken out, and the person is told how many;
line ends become LF. What others will see as escapes is counted, not changed. The composer calls it.
"""

from typing import NamedTuple

from parlour_protocol.text import safe_text
from parlour_protocol.text.guard import FORBIDDEN


class Typed(NamedTuple):
    """Text for the composer, and how many characters were taken out."""

    text: str
    removed: int


def clean(text: str) -> Typed:
    """Return the text as the composer may hold it: LF and TAB are its only controls."""
    if text.isascii() and text.isprintable():
        return Typed(text, 0)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cleaned = [_line(line) for line in lines]
    return Typed("\n".join(line.text for line in cleaned), sum(line.removed for line in cleaned))


def _line(line: str) -> Typed:
    parts = [FORBIDDEN.subn("", part) for part in line.split("\t")]
    return Typed("\t".join(part for part, _ in parts), sum(count for _, count in parts))


def warning(text: str, removed: int) -> str:
    """Return what to tell about the text, in words of ours; empty when there is nothing to tell."""
    if removed:
        return f"Took out {removed} invisible or control character{'s' * (removed > 1)}."
    hidden = 0 if text.isascii() else safe_text(text).hidden
    if hidden:
        return f"Others will see {hidden} character{'s' * (hidden > 1)} of this as escapes."
    return ""
