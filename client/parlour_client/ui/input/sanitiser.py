"""The wall on what is typed and pasted: nothing gets into the composer that it could not show.

Controls, bidi overrides and other forbidden code points are taken out, and the person is told how many;
line ends become LF. What others will see as escapes is counted, not changed. The composer calls it.
"""

from typing import NamedTuple

from parlour_protocol.text import safe_text
from parlour_protocol.text.forbidden import FORBIDDEN
from parlour_protocol.text.line_classifier import LineClassifier


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
    parts = [_part(part) for part in line.split("\t")]
    return Typed("\t".join(part.text for part in parts), sum(part.removed for part in parts))


def _part(part: str) -> Typed:
    """Take out what the rule would escape; a single character gets its context from where it is typed."""
    text = part
    while len(text) > 1:  # what is taken out may have been the context of something else
        kept = "".join(text[a:b] for a, b, verdict in LineClassifier(text).runs() if not verdict.is_escaped)
        if kept == text:
            break
        text = kept
    text = FORBIDDEN.sub("", text)
    return Typed(text, len(part) - len(text))


def warning(text: str, removed: int) -> str:
    """Return what to tell about the text, in words of ours; empty when there is nothing to tell."""
    if removed:
        return f"Removed {removed} invisible or control character{'s' * (removed > 1)}."
    hidden = 0 if text.isascii() else safe_text(text).hidden
    if hidden:
        return f"Others will see {hidden} character{'s' * (hidden > 1)} of this as escapes."
    return ""
