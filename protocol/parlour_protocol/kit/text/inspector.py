"""The code-point inspector: what a text really holds, one row per code point, in ASCII.

It shows the raw text that the rule hides behind escapes, and is itself safe to show: names, categories and
verdicts are the client's words, the rest is a label. Names come from Python and may be missing for new code
points; the verdicts come from the rule. The client's inspector calls it, for one message that a person chose.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.text.escapes import escape, label
from parlour_protocol.kit.text.line_classifier import DOTTED_CIRCLE, LineClassifier, Verdict

MAX_INSPECTED: Final = 10_000
"""Code points: a person reads no more, and each takes a row."""


@dataclass(frozen=True, slots=True)
class CodePoint:
    """One code point: `U+202E`, its name, its general category, how it is shown, and why."""

    code: str
    name: str
    category: str
    shown_as: str
    verdict: Verdict


def inspect_text(untrusted: str) -> tuple[CodePoint, ...]:
    """Describe every code point, line breaks included; at most MAX_INSPECTED of them."""
    return tuple(_described(untrusted[:MAX_INSPECTED]))


def _described(text: str) -> Iterator[CodePoint]:
    position = 0
    for line in text.split("\n"):
        content = line.removesuffix("\r") if text.startswith("\n", position + len(line)) else line
        for start, end, verdict in LineClassifier(content).runs():
            for char in content[start:end]:
                yield _code_point(char, verdict)
        if content != line:  # CRLF: the pair is one line break
            yield _code_point("\r", Verdict.LINE_BREAK)
        position += len(line)
        if position < len(text):
            yield _code_point("\n", Verdict.LINE_BREAK)
        position += 1


def _code_point(char: str, verdict: Verdict) -> CodePoint:
    point = ord(char)
    shown = {
        Verdict.ESCAPED: escape(point),
        Verdict.ON_CIRCLE: DOTTED_CIRCLE + char,
        Verdict.SPACES: "4 spaces",
        Verdict.IN_CONTEXT: label(
            point
        ),  # it has no look of its own, and by itself it would be out of context
        Verdict.LINE_BREAK: "line break",
    }.get(verdict, char)
    if verdict is Verdict.SHOWN and unicodedata.category(char).startswith("M"):
        shown = (
            DOTTED_CIRCLE + char
        )  # by itself in its cell of the table, it would attach to the client's text
    return CodePoint(
        f"U+{point:04X}", unicodedata.name(char, label(point)), unicodedata.category(char), shown, verdict
    )
