"""The text that patterns are compared with: what people read, without the marks that hide it.

Zero-width and other invisible characters and marks over letters (accents, a line through them) are dropped,
full-width and styled letters and small capitals become plain ones, digits of every script become 0 to 9.
``Folded`` also knows the place of each character in the text as it was written.
"""

import re
import unicodedata
from functools import cached_property
from typing import Final

_INVISIBLE: Final = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_MARKS: Final = frozenset(
    point
    for start, end in (
        (0x0300, 0x036F),  # with the lines through letters
        (0x0483, 0x0489),
        (0x0591, 0x05BD),  # Hebrew points and accents
        (0x05BF, 0x05BF),
        (0x05C1, 0x05C7),
        (0x0610, 0x061A),  # Arabic vowel signs
        (0x064B, 0x065F),
        (0x0670, 0x0670),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0xFE20, 0xFE2F),
    )
    for point in range(start, end + 1)
    if unicodedata.combining(chr(point)) or unicodedata.category(chr(point)) in {"Mn", "Me"}
)
"""Marks that readers of the word can do without."""
_STYLED: Final = re.compile(
    r"(?:LATIN|REGIONAL INDICATOR|NEGATIVE|SQUARED) (?:.* )?(?:CAPITAL|LETTER) ([A-Z])"
)
_MOST: Final = 65_536


class _Table(dict[int, "int | str"]):
    """The folded form of each character; made when it is first seen, and bounded."""

    def __missing__(self, point: int) -> "int | str":
        if len(self) >= _MOST:
            self.clear()
        found = self[point] = _folded(point)
        return found


def _folded(point: int) -> "int | str":
    char = chr(point)
    if point in _INVISIBLE or point in _MARKS or unicodedata.category(char) == "Cf":
        return ""
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    if plain.isascii():
        return plain
    styled = _STYLED.fullmatch(unicodedata.name(char, ""))
    return point if styled is None else styled[1].lower()


_TABLE: Final = _Table()


def fold(text: str) -> str:
    """Return the text for comparing."""
    return text if text.isascii() else text.translate(_TABLE)


class Folded:
    """A text for comparing, and where its characters are in the text as it was written."""

    def __init__(self, written: str) -> None:
        """Fold the text."""
        self.text: Final = fold(written)
        self._written = written

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where these characters were written, with the marks over the last one."""
        if self._written.isascii():
            return start, end
        first, after = self._places[start], self._places[end - 1] + 1
        while after < len(self._written) and ord(self._written[after]) in _MARKS:
            after += 1
        return first, after

    @cached_property
    def _places(self) -> list[int]:
        """Return the place of each character, found in one walk for all findings."""
        places: list[int] = []
        for at, char in enumerate(self._written):
            become = _TABLE[ord(char)]
            places += [at] * (1 if isinstance(become, int) else len(become))
        return places
