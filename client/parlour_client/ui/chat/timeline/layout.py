"""Where the parts of a message are: columns for its time and its author's name, the mark, the text.

It knows numbers of cells only. ``rows`` fills the columns; a column is wide enough for what is put there, and
what is too narrow for columns gets none.
"""

from dataclasses import dataclass
from typing import Final, Literal

GUTTER_CELLS: Final = 2
MIN_WIDTH: Final = 8
NAME_GAP: Final = 2
"""Cells behind the longest name of a column: for a mark, and a blank."""
COMPACT_FROM: Final = 48
"""Cells below which names and times are rows of their own: beside them too little is left for the text."""
_RIGHT_FROM: Final = 30
"""Cells below which no time is at the right."""
_BESIDE_FROM: Final = 20
"""Cells below which no time is beside a name."""
_STAMP_CELLS: Final = {"off": 0, "minutes": 5, "seconds": 8}


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns at one width, each with the blank that separates it."""

    time: int
    """Of the time on the left."""
    name: int
    """Of the name in the row of the text, with a mark behind it; 0: it has a row of its own."""
    body: int
    """Of the mark and the text."""
    right: int
    """Of the time on the right."""
    beside: bool
    """The time is beside the name."""

    @property
    def text(self) -> int:
        """Cells for the text."""
        return self.body - GUTTER_CELLS


@dataclass(frozen=True, slots=True)
class Layout:
    """How the person wants messages: the settings of these names."""

    style: Literal["compact", "cosy"] = "compact"
    """``compact``: everything in one row; ``cosy``: name and time above the messages of their author."""
    times: Literal["left", "right"] = "left"
    """Where the time is: before the text (``cosy``: beside the name), or at the right edge."""
    timestamps: str = "minutes"
    """How exact it is."""
    formatting: Literal["styled", "markers", "off"] = "styled"
    """Whether bold, code and the like are shown, and with their markers."""

    def columns(self, width: int, longest_name: int) -> Columns:
        """Return the columns of a timeline of this width."""
        width = max(MIN_WIDTH, width)
        compact = self.style == "compact" and width >= COMPACT_FROM
        stamp = _STAMP_CELLS[self.timestamps]
        time = stamp + 1 if stamp else 0
        right = time if self.times == "right" and width >= _RIGHT_FROM else 0
        left = time if compact and not right else 0
        name = min(longest_name, width // 4) + NAME_GAP if compact else 0
        beside = time > left + right and width >= _BESIDE_FROM
        return Columns(left, name, width - left - name - right, right, beside)


DEFAULT: Final = Layout()
