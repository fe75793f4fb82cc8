"""The text that patterns are compared with: what people read, without the marks that hide it.

Zero-width and other invisible characters are dropped, full-width and styled letters become plain ones, digits
of every script become 0 to 9. ``span`` finds the place in the text as it was written.
"""

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_MOST: Final = 65_536


class _Table(dict[int, "int | str"]):
    """What each character becomes; made when it is first seen, and bounded."""

    def __missing__(self, point: int) -> "int | str":
        if len(self) >= _MOST:
            self.clear()
        found = self[point] = _folded(point)
        return found


def _folded(point: int) -> "int | str":
    char = chr(point)
    if point in _INVISIBLE or unicodedata.category(char) == "Cf":
        return ""
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain.isascii() else point


_TABLE: Final = _Table()


def fold(text: str) -> str:
    """Return the text for comparing."""
    return text if text.isascii() else text.translate(_TABLE)


def span(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the characters ``start`` to ``end`` of the folded text are in ``text``."""
    if text.isascii():
        return start, end
    places: list[int] = []
    for at, char in enumerate(text):
        become = _TABLE[ord(char)]
        places += [at] * (1 if isinstance(become, int) else len(become))
    return places[start], places[end - 1] + 1
