"""Small terminals that disagree about widths, and the pane borders that must not move on any of them.

A grid draws what the strict reader lets through and knows nothing else of a terminal. ``Agreeing`` counts as
Textual does, so it knows where the client meant each border to stand. The terminal feeds all of them.
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from rich.cells import cell_len
from tests.e2e.oracle.grammar import Token

BORDERS = frozenset("│┃║╏▕▏▌▐▎▊")
"""The sides of every border that a stylesheet can ask for: those of another style cannot stay unseen."""
Width = Callable[[str], int]


def one_each(_char: str) -> int:
    """Count a cell for every code point: wider than any terminal known. Only tests use it."""
    return 1


@cache
def narrow(char: str) -> int:
    """Draw marks, formats and emoji in no cell at all."""
    return 0 if unicodedata.category(char)[0] in "MC" or ord(char) >= 0x1F000 else own_width(char)


@cache
def own_width(char: str) -> int:
    """Count each code point for itself, as terminals do that join no clusters."""
    if unicodedata.category(char) in {"Mn", "Me", "Cf"} or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Grid:
    """A screen of cells."""

    def __init__(self, columns: int, rows: int, width: Width) -> None:
        self.columns, self.rows = columns, rows
        self._width = width
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0

    def feed(self, tokens: Iterable[Token]) -> None:
        """Draw."""
        for token in tokens:
            match token.kind:
                case "T":
                    self.draw(token.text)
                case "H":
                    self.y, self.x = min(token.row, self.rows) - 1, min(token.column, self.columns) - 1
                case "G":
                    self.x = min(token.column, self.columns) - 1
                case "N":
                    self.y = min(self.y + 1, self.rows - 1)
                case _:
                    self.x = 0

    def draw(self, text: str) -> None:
        """Put the text into cells; at the right edge stay there, as with ``?7l``."""
        row = self.cells[self.y]
        if text.isascii():
            end = min(self.x + len(text), self.columns)
            row[self.x : end] = text[: end - self.x]
            self.x = min(end, self.columns - 1)
            return
        for char in text:
            width = self._width(char)
            if width and self.x < self.columns:
                row[self.x] = char
                if width == 2 and self.x + 1 < self.columns:
                    row[self.x + 1] = ""
            self.x = min(self.x + width, self.columns - 1)

    def line(self, row: int) -> str:
        """Return a row as text."""
        return "".join(self.cells[row])


class Agreeing(Grid):
    """The terminal that counts as Textual does; it remembers where borders were drawn."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows, own_width)
        self.borders: list[dict[int, str]] = [{} for _ in range(rows)]

    def draw(self, text: str) -> None:
        """Draw, and note a border glyph that stands in a run of its own."""
        start = self.x
        super().draw(text)
        if not text.isascii():
            self.x = min(start + cell_len(text), self.columns - 1)
        of_row = self.borders[self.y]
        for column in [column for column in of_row if start <= column < start + cell_len(text)]:
            del of_row[column]
        if text in BORDERS:
            of_row[start] = text

    def moved(self, other: Grid) -> Iterable[int]:
        """Yield the rows (from 1) in which a border stands elsewhere, or not at all, on another terminal."""
        for row, of_row in enumerate(self.borders):
            if any(other.cells[row][column] != glyph for column, glyph in of_row.items()):
                yield row + 1
