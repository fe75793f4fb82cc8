"""Formatting that stays text: which stretches of a shown message are bold, code, a quote and so on.

A pure function from the sanitised text to spans over it. It adds no character and takes none away: views turn
spans into styles, and leave out of the drawing only what is marked as ``MARKER``.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from parlour_client.text.links import find_links
from parlour_protocol.kit.text import SafeText


class StyleKind(StrEnum):
    """What a span of a message is; views have a style for each."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    LINK = "link"


class StyleSpan(NamedTuple):
    """The characters ``start`` to ``end`` (exclusive) of ``SafeText.plain``. Spans nest; they never cross."""

    start: int
    end: int
    kind: StyleKind


def formatted(safe: SafeText) -> Sequence[StyleSpan]:
    """Return the spans of a text, those that begin earlier or reach further first."""
    return [StyleSpan(link.start, link.end, StyleKind.LINK) for link in find_links(safe)]
