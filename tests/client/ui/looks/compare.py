"""Compares what is on the screen with a mock-up: the cells of text, not their styles."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from textual.app import App

from parlour_protocol.kit.text.cell_width import clusters

FOLDER: Final = Path(__file__).parent


def mock_up(name: str) -> list[str]:
    """Return the rows of a mock-up, without the blanks at their ends."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")


def rows_of(app: App[None]) -> list[str]:
    """Return the text of each row of the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def cut_out(rows: Sequence[str], x: int, y: int, width: int, height: int) -> list[str]:
    """Return the text of a part of the screen, without the blanks at the ends of its rows."""
    return ["".join(_cells(row)[x : x + width]).rstrip() for row in rows[y : y + height]]


def differing(wanted: Sequence[str], shown: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
    """Yield the number of each row that differs, with the columns of its cells that do."""
    for y in range(max(len(wanted), len(shown))):
        ours, theirs = (_cells(rows[y]) if y < len(rows) else [] for rows in (wanted, shown))
        most = max(len(ours), len(theirs))
        ours, theirs = (cells + [" "] * (most - len(cells)) for cells in (ours, theirs))
        if found := [x for x in range(most) if ours[x] != theirs[x]]:
            yield y, found


def report(wanted: Sequence[str], shown: Sequence[str]) -> str:
    """Return both, one above the other, with a `!` before rows that differ; empty: they are equal."""
    wrong = dict(differing(wanted, shown))
    if not wrong:
        return ""
    parts = []
    for title, rows in (("mock-up", wanted), ("screen", shown)):
        marked = [f"{'!' if y in wrong else ' '}{y:>3} {row}" for y, row in enumerate(rows)]
        parts += [title, *marked, ""]
    parts += [f"row {y}: cells {', '.join(map(str, columns[:12]))}" for y, columns in wrong.items()][:12]
    parts.append(f"{len(wrong)} rows differ, {sum(map(len, wrong.values()))} cells")
    return "\n".join(parts)


def _cells(row: str) -> list[str]:
    """Return what stands in each cell; the second cell of a wide character is empty."""
    cells: list[str] = []
    for cluster, width in clusters(row):
        cells += [cluster, *[""] * (max(width, cell_len(cluster)) - 1)]
    return cells
