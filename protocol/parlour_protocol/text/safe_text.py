"""SafeText: peer text after the rule, the only form in which the view layer may hold it.

It is not a `str`, and it refuses to become one by accident (`str()`, f-strings), so that peer text cannot
slip into markup, a title or an exception message. Nothing outside this package makes one: the constructor
always raises, and `rule.safe_text` alone calls `_made_by_rule` (a test greps for other callers).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn, Self

BLANK_LABEL: Final = "(blank)"
"""What a view shows, in its own style, for a text with nothing to see in it."""


class Span(NamedTuple):
    """A stretch of one line: peer text, or an escape written by the rule."""

    text: str
    is_escape: bool


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True, init=False)
class SafeText:
    """Text that is safe to show, line by line.

    ``spans`` holds one tuple per line, without line breaks; ``hidden`` counts the code points that are
    shown as escapes; ``blank`` says that there is nothing to see; ``truncated`` that the end is left out.
    """

    spans: tuple[Line, ...]
    hidden: int
    blank: bool
    truncated: bool

    def __init__(self) -> None:
        raise TypeError("SafeText is made by safe_text() alone.")

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
        raise TypeError("SafeText is no str: use .spans to draw it and .plain to copy it.")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("SafeText is no str: use .spans to draw it and .plain to copy it.")
