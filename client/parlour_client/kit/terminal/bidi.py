"""Right-to-left text: ordered by the terminal, by the client, or not at all (``SafeApp.text_order``).

Terminals that reorder do it for the whole row, across panes, so a mark is put after a stranger's words (see
``column_anchoring``); in the other two cases ``TextDirection`` tells the terminal to leave the order alone.
It never changes text that is stored or copied.
"""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from bidi import get_display

from parlour_protocol.kit.text import unicode_data
from parlour_protocol.kit.text.cell_width import clusters

LEFT_TO_RIGHT_MARK: Final = "\u200e"
_EXPLICIT: Final = "\x1b[8l"
_IMPLICIT: Final = "\x1b[8h"
_POOLS: Final = {"R": range(0x1E800, 0x1E8C5), "AL": range(0xFB50, 0xFBB2), "L": range(0xA000, 0xA48D)}
_OTHER: Final = range(0x2500, 0x2580)
_STAND_INS: Final = frozenset(point for pool in (*_POOLS.values(), _OTHER) for point in pool)


def has_right_to_left(text: str) -> bool:
    """Say whether a letter is written from right to left."""
    return not text.isascii() and unicode_data.one_of("STRONG_RTL").search(text) is not None


def in_visual_order(text: str) -> str:
    """Return the text in visual order (UAX #9), its clusters whole; blanks at its ends stay at those ends."""
    if not has_right_to_left(text):
        return text
    if (inner := text.strip(" ")) != text:
        before, after = text.split(inner, 1)
        return before + in_visual_order(inner) + after
    pools: dict[str, Iterator[int]] = {kind: iter(pool) for kind, pool in _POOLS.items()}
    other = iter(_OTHER)
    whole: dict[str, str] = {}
    line: list[str] = []
    for cluster, _ in clusters(text):
        if len(cluster) == 1 and ord(cluster) not in _STAND_INS:
            line.append(cluster)
            continue
        # One letter of the same direction replaces the cluster while the library reorders letters.
        stand_in = next(pools.get(unicodedata.bidirectional(cluster[0]), other), None)
        if stand_in is None:
            return text  # more clusters than a row can hold
        whole[chr(stand_in)] = cluster
        line.append(chr(stand_in))
    shown = str(get_display("".join(line)))
    return "".join(whole.get(char, char) for char in shown)


class TextDirection:
    """Tells the terminal who puts text in order (ECMA-48, mode 8)."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._is_explicit = False

    def follow(self, order: str) -> None:
        """Apply what puts text in order: `terminal`, `client` or `off`."""
        self._tell(explicit=order != "terminal")

    def leave(self) -> None:
        """Restore the terminal."""
        self._tell(explicit=False)

    def _tell(self, *, explicit: bool) -> None:
        if explicit != self._is_explicit:
            self._is_explicit = explicit
            self._write(_EXPLICIT if explicit else _IMPLICIT)
