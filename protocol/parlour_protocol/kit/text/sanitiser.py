"""The rule by which text from other people is shown, and SafeText, the only form in which views hold it.

`safe_text` is one pure function, total over every `str`: what is not plainly visible is written as an escape,
nothing is dropped, nothing is interpreted (no markup, no links, no emoji codes), and the raw text is never
changed. Apply it once, to raw text: escapes can push a mark out of its context. Every view, the clipboard and
the composer go through it; stored and signed bytes never do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, Self

from parlour_protocol.kit.text.escapes import escape

if TYPE_CHECKING:
    from parlour_protocol.kit.text.line_classifier import Run

BLANK_LABEL: Final = "(blank)"
"""The label that a view shows, in its own style, for a blank text."""
MAX_SHOWN: Final = 100_000
"""Code points of one text that are shown: ten times what the wire lets through, so only a file preview or
a hostile archive meets it; the rest is replaced by one escape that tells how much is missing."""

_TAB: Final = "    "


class Span(NamedTuple):
    """A stretch of one line: peer text, or an escape written by the rule."""

    text: str
    is_escape: bool


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True, init=False)
class SafeText:
    """Text that is safe to show, line by line: never a `str` by accident (`str()`, f-strings).

    So it cannot slip into markup, a title or an exception message. Only `safe_text` makes one.
    ``spans`` holds one tuple per line, without line breaks; ``hidden`` counts the code points that are
    shown as escapes; ``blank`` says that there is nothing to see; ``truncated`` that the end is left out.
    """

    spans: tuple[Line, ...]
    hidden: int
    blank: bool
    truncated: bool

    def __init__(self) -> None:
        raise TypeError("Only safe_text() makes a SafeText.")

    @classmethod
    def _made_by_rule(cls, spans: tuple[Line, ...], *, hidden: int, blank: bool, truncated: bool) -> Self:
        self = object.__new__(cls)
        for name, value in (("spans", spans), ("hidden", hidden), ("blank", blank), ("truncated", truncated)):
            object.__setattr__(self, name, value)
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """Each line as it is shown, escapes included."""
        return tuple("".join(span.text for span in line) for line in self.spans)

    @property
    def plain(self) -> str:
        """The text as it is shown. It is also what is copied: never the raw text (paste-jacking)."""
        return "\n".join(self.lines)

    def __str__(self) -> NoReturn:
        raise TypeError("SafeText is not a str: use .spans to draw it and .plain to copy it.")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("SafeText is not a str: use .spans to draw it and .plain to copy it.")


def safe_text(untrusted: str) -> SafeText:
    """Return text of someone else as it may be shown. Never raises, whatever the string holds."""
    if untrusted.isascii() and untrusted.isprintable():
        spans: tuple[Line, ...] = ((Span(untrusted, is_escape=False),),) if untrusted else ((),)
        return SafeText._made_by_rule(spans, hidden=0, blank=not untrusted.strip(" "), truncated=False)  # noqa: SLF001 - the one maker
    missing = max(0, len(untrusted) - MAX_SHOWN)
    raw_lines = (
        untrusted[:MAX_SHOWN].replace("\r\n", "\n").split("\n")
    )  # never splitlines(): it breaks at NEL
    shown = [_show_line(line) for line in raw_lines]
    lines = [line for line, _ in shown]
    if missing:
        lines[-1] = (*lines[-1], Span(f"⟦+{missing} more⟧", is_escape=True))
    return SafeText._made_by_rule(  # noqa: SLF001 - the one maker
        tuple(lines),
        hidden=sum(hidden for _, hidden in shown) + missing,
        blank=all(_is_blank(line) for line in lines),
        truncated=missing > 0,
    )


def _show_line(line: str) -> tuple[Line, int]:
    """Return the spans of one line and the number of code points shown as escapes."""
    if line.isascii() and line.isprintable():
        return ((Span(line, is_escape=False),) if line else ()), 0
    from parlour_protocol.kit.text.line_classifier import LineClassifier  # noqa: PLC0415 - ASCII never pays for the tables

    hidden = 0
    pieces: list[Span] = []
    for start, end, verdict in _repeats_joined(line, LineClassifier(line).runs()):
        if verdict.is_escaped:
            hidden += end - start
            pieces.append(Span(escape(ord(line[start]), end - start), is_escape=True))
        else:
            shown = _TAB if verdict.is_space else line[start:end]
            pieces.append(Span(verdict.prefix + shown, is_escape=False))
    return tuple(_merged(pieces)), hidden


def _repeats_joined(line: str, runs: "Iterable[Run]") -> "Iterator[Run]":
    """Join an escaped code point that repeats into one run: it is shown as one escape."""
    for escaped, same in groupby(runs, key=lambda run: run[2].is_escaped and line[run[0]]):
        if not escaped:
            yield from same
            continue
        (begin, end, verdict), *more = same
        yield begin, more[-1][1] if more else end, verdict


def _merged(pieces: list[Span]) -> Iterator[Span]:
    """Join neighbours of one style: a cluster must never be cut into two segments of a terminal."""
    texts: list[str] = []
    for index, piece in enumerate(pieces):
        texts.append(piece.text)
        if index + 1 == len(pieces) or pieces[index + 1].is_escape != piece.is_escape:
            yield Span("".join(texts), piece.is_escape)
            texts.clear()


def _is_blank(line: Line) -> bool:
    """Tell a line without anything to see; an escape is something to see."""
    if not line:
        return True
    if any(span.is_escape for span in line):
        return False
    text = "".join(span.text for span in line)
    if text.isascii():
        return not text.strip(" ")
    from parlour_protocol.kit.text import unicode_data  # noqa: PLC0415 - ASCII never pays for the tables

    return unicode_data.blank_line().fullmatch(text) is not None
