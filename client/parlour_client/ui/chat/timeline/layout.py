"""Where the parts of a message are: columns for its time and its author's name, the gutter, the text.

It knows numbers of cells only. ``rows`` fills the columns; a column is wide enough for what is put there, and
what is too narrow for columns gets none.
"""

from dataclasses import dataclass
from typing import Final, Literal

GUTTER_CELLS: Final = 2
MIN_WIDTH: Final = 8
NAME_GAP: Final = 2
"""Cells behind the longest name of a column: for a mark, and a blank."""
COLUMNS_FROM: Final = 30
"""Cells below which there are no columns: names are rows of their own, and times are beside them."""
_BESIDE_FROM: Final = 20
_STAMP_CELLS: Final = {"off": 0, "minutes": 5, "seconds": 8}


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns at one width, each with the blank that separates it."""

    time: int
    """Of the time on the left."""
    name: int
    """Of the name in the row of the text, with a mark behind it; 0: it has a row of its own."""
    body: int
    """Of the gutter and the text."""
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

    style: str = "cosy"
    """``cosy``: the name above the messages of its author; ``compact``: everything in one row."""
    times: str = "left"
    """Where the time is: ``left``, ``right``, or beside the ``name``."""
    timestamps: str = "minutes"
    """How exact it is."""
    formatting: Literal["styled", "markers", "off"] = "styled"
    """Whether bold, code and the like are shown, and with their markers."""

    def columns(self, width: int, longest_name: int) -> Columns:
        """Return the columns of a timeline of this width."""
        width = max(MIN_WIDTH, width)
        stamp = _STAMP_CELLS[self.timestamps]
        if width < COLUMNS_FROM:
            return Columns(0, 0, width, 0, beside=stamp > 0 and width >= _BESIDE_FROM)
        compact = self.style == "compact"
        column = stamp + 1 if stamp else 0
        left = column if self.times == "left" or (compact and self.times == "name") else 0
        right = column if self.times == "right" else 0
        name = min(longest_name, width // 4) + NAME_GAP if compact else 0
        return Columns(left, name, width - left - name - right, right, beside=column > left + right)


DEFAULT: Final = Layout()
