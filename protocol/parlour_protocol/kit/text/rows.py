"""Visual rows: a SafeText cut to a width, with the client's gutter before every row.

Every row, wrapped or not, begins with the gutter, so that no row of a message can imitate a new message, a
system line or a prompt; a text of too many rows is folded with a count. It draws nothing and styles nothing.
What prints lines to a terminal calls `hanging_rows`; the Textual view keeps the same rules with its own
measure of width, and the tests call `visual_rows`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from parlour_protocol.kit.text.cell_width import clusters, most_cells
from parlour_protocol.kit.text.sanitiser import BLANK_LABEL, Line, SafeText, Span

GUTTER: Final = "│ "
GUTTER_CELLS: Final = 2
BAR: Final = "    | "
"""What is before every row of a printed line but its first."""
NARROW_BAR: Final = "| "
_NARROW: Final = 4 * len(BAR)
MIN_CONTENT: Final = 2
"""Cells: the widest single cluster must fit."""


class RowKind(Enum):
    """The author of a row's text."""

    TEXT = "text"
    BLANK = "blank"
    """The client's label for a text with nothing to see."""
    FOLD = "fold"
    """The client's line that says how many rows are folded away."""


@dataclass(frozen=True, slots=True)
class VisualRow:
    """One row of the screen: the gutter in the client's style, then the spans."""

    kind: RowKind
    spans: Line
    cells: int
    gutter: str = GUTTER

    @property
    def text(self) -> str:
        """The row as it appears."""
        return self.gutter + "".join(span.text for span in self.spans)


def visual_rows(safe: SafeText, width: int, max_rows: int) -> tuple[VisualRow, ...]:
    """Return at most ``max_rows`` rows of at most ``width`` cells, gutter included.

    A text of more rows ends with a FOLD row that tells how many are hidden. Raises ValueError for a width
    or a number of rows in which nothing can be shown.
    """
    content = width - GUTTER_CELLS
    if content < MIN_CONTENT or max_rows < 1:
        raise ValueError(f"No text fits into {width} cells and {max_rows} rows.")
    if safe.blank:
        return (_own_row(RowKind.BLANK, BLANK_LABEL, content),)
    rows = [row for line in safe.spans for row in _wrapped(line, content)]
    if len(rows) <= max_rows:
        return tuple(rows)
    kept = rows[: max_rows - 1]
    return (*kept, _own_row(RowKind.FOLD, f"… {len(rows) - len(kept)} more rows", content))


def hanging_rows(printed: str, columns: int) -> list[str]:
    """Cut a printed line to the width of a terminal: every row but the first begins with the bar.

    ``printed`` begins with words of the client, and what follows a line break in it is a stranger's, behind
    an indent or the bar. A line that the terminal itself broke would go on at its left edge, where a row
    could be taken for a line of its own. Nothing anchors the cursor here, so each code point counts as a cell
    of its own, or two: no terminal draws more than that.
    """
    bar = BAR if columns >= _NARROW else NARROW_BAR
    first, *further = printed.split("\n")
    rows = list(_hung(first, columns, columns - len(bar)))
    for line in further:
        rows += _hung(_without_indent(line), columns - len(bar), columns - len(bar))
    return [rows[0], *(f"{bar}{row}" for row in rows[1:])]


def _without_indent(line: str) -> str:
    if line.startswith(BAR):
        return line.removeprefix(BAR)
    return line[min(len(line) - len(line.lstrip(" ")), len(BAR)) :]


def _hung(line: str, first: int, further: int) -> Iterator[str]:
    """Cut one line into rows of at most so many cells, after a space where there is one."""
    room, row, cells, after_space, cells_there = max(first, MIN_CONTENT), "", 0, 0, 0
    for cluster, size in _printed_clusters(line, max(min(first, further), MIN_CONTENT)):
        if cells + size > room and row:
            cut, kept = (after_space, cells_there) if after_space else (len(row), cells)
            yield row[:cut]
            row, cells = row[cut:], cells - kept
            room, after_space, cells_there = max(further, MIN_CONTENT), 0, 0
            if cells + size > room and row:
                yield row
                row, cells = "", 0
        row, cells = row + cluster, cells + size
        if cluster == " ":
            after_space, cells_there = len(row), cells
    yield row


def _printed_clusters(line: str, most: int) -> Iterator[tuple[str, int]]:
    for cluster, _ in clusters(line, most):
        size = most_cells(cluster)
        if size <= most:
            yield cluster, size
        else:
            yield from ((char, most_cells(char)) for char in cluster)


def _own_row(kind: RowKind, text: str, content: int) -> VisualRow:
    shown = text[:content]  # the client's own words, one cell per character
    return VisualRow(kind, (Span(shown, is_escape=True),), len(shown))


def _wrapped(line: Line, content: int) -> list[VisualRow]:
    """Cut one line into rows, between clusters and where possible after a space."""
    rows: list[VisualRow] = []
    open_row: list[tuple[str, int, bool]] = []  # cluster, cells, is_escape
    cells = 0
    break_at = 0  # clusters of the open row up to and including its last space
    for span in line:
        for cluster, size in clusters(span.text, content):
            if cells + size > content and open_row:
                cut = break_at or len(open_row)
                rows.append(_row(open_row[:cut]))
                open_row = open_row[cut:]
                cells = sum(part[1] for part in open_row)
                break_at = 0
                if cells + size > content and open_row:
                    rows.append(_row(open_row))
                    open_row, cells = [], 0
            open_row.append((cluster, size, span.is_escape))
            cells += size
            if cluster == " ":
                break_at = len(open_row)
    rows.append(_row(open_row))
    return rows


def _row(parts: list[tuple[str, int, bool]]) -> VisualRow:
    spans: list[Span] = []
    for cluster, _, is_escape in parts:
        if spans and spans[-1].is_escape == is_escape:
            spans[-1] = Span(spans[-1].text + cluster, is_escape)
        else:
            spans.append(Span(cluster, is_escape))
    return VisualRow(RowKind.TEXT, tuple(spans), sum(part[1] for part in parts))
