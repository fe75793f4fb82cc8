"""Sanitises typed and pasted text: the composer never contains what it could not show.

Controls, bidi overrides and other forbidden code points are removed, and the person is shown how many; line
ends become LF. Characters that others will see as escapes are counted, not changed. The composer calls it.
"""

from typing import NamedTuple

from parlour_client.kit.language import ngettext
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.kit.text.line_classifier import LineClassifier


class Typed(NamedTuple):
    """Text for the composer, and how many characters were removed."""

    text: str
    removed: int


def clean(text: str) -> Typed:
    """Return the sanitised text: LF and TAB are its only controls."""
    if text.isascii() and text.isprintable():
        return Typed(text, 0)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cleaned = [_line(line) for line in lines]
    return Typed("\n".join(line.text for line in cleaned), sum(line.removed for line in cleaned))


def _line(line: str) -> Typed:
    parts = [_part(part) for part in line.split("\t")]
    return Typed("\t".join(part.text for part in parts), sum(part.removed for part in parts))


def _part(part: str) -> Typed:
    """Remove what the rule would escape; a single character gets its context from where it is typed."""
    text = part
    while len(text) > 1:  # removed text may have been the context of other text
        kept = "".join(text[a:b] for a, b, verdict in LineClassifier(text).runs() if not verdict.is_escaped)
        if kept == text:
            break
        text = kept
    text = FORBIDDEN.sub("", text)
    return Typed(text, len(part) - len(text))


def warning(text: str, removed: int) -> str:
    """Return a warning about the text, in our words; empty if there is none."""
    if removed:
        return ngettext(
            "Removed {count} invisible or control character.",
            "Removed {count} invisible or control characters.",
            removed,
        ).format(count=removed)
    hidden = 0 if text.isascii() else safe_text(text).hidden
    if hidden:
        return ngettext(
            "Others will see {count} character of this as escapes.",
            "Others will see {count} characters of this as escapes.",
            hidden,
        ).format(count=hidden)
    return ""
