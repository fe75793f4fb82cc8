"""Printed rows: a line of text cut to the width of a terminal, with a bar before every row but the first.

A row that the terminal itself broke would begin at its left edge, where a stranger's words could imitate a
new message, a system line or a prompt. What prints lines to a terminal calls it; the timeline keeps the same
rule with its own measure of width.
"""

from collections.abc import Iterator
from typing import Final

from parlour_protocol.kit.text.cell_width import clusters, most_cells

BAR: Final = "    | "
"""The mark before every row of a printed line but its first."""
NARROW_BAR: Final = "| "
_NARROW: Final = 4 * len(BAR)
_MIN_CONTENT: Final = 2
"""Cells: the widest single cluster must fit."""


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


def spoken_rows(printed: str, columns: int, mark: str) -> list[str]:
    """Cut a printed line for the ear: every row that may go on with someone's text begins with the mark.

    A line after a break keeps its beginning, which is the mark or words of the client behind an indent.
    """
    first, *further = printed.split("\n")
    if columns < 2 * len(mark):
        mark = mark.lstrip(" ")
    if columns < len(mark) + _MIN_CONTENT:
        mark = NARROW_BAR
    rows: list[str] = []
    for line in (first, *further):
        found = list(_hung(line, columns, columns - len(mark)))
        rows += [found[0], *(f"{mark}{row}" for row in found[1:])]
    return rows


def _without_indent(line: str) -> str:
    if line.startswith(BAR):
        return line.removeprefix(BAR)
    return line[min(len(line) - len(line.lstrip(" ")), len(BAR)) :]


def _hung(line: str, first: int, further: int) -> Iterator[str]:
    """Cut one line into rows of at most so many cells, after a space where there is one."""
    room, row, cells, after_space, cells_there = max(first, _MIN_CONTENT), "", 0, 0, 0
    for cluster, size in _printed_clusters(line, max(min(first, further), _MIN_CONTENT)):
        if cells + size > room and row:
            fits = after_space and cells - cells_there + size <= max(further, _MIN_CONTENT)
            cut, kept = (after_space, cells_there) if fits else (len(row), cells)
            yield row[:cut]
            row, cells = row[cut:], cells - kept
            room, after_space, cells_there = max(further, _MIN_CONTENT), 0, 0
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
