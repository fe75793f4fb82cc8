"""Rows that keep their columns: a second column after a stranger's words, and pieces that are kept."""

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from parlour_client.kit.terminal.bidi import LEFT_TO_RIGHT_MARK
from parlour_client.kit.terminal.column_anchoring import FIXED_COLUMN, anchored

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"


def row(text: str, cells: int) -> Strip:
    """Return a row with a text and, after so many cells, a time in a column of its own."""
    blanks = " " * (cells - cell_len(text))
    return Strip([Segment(text), Segment(blanks), Segment("14:02", FIXED_COLUMN)])


def test_a_column_begins_in_its_place_whatever_the_width_of_the_text() -> None:
    """The cursor is put there: a terminal may have drawn the text wider or narrower."""
    drawn = anchored(row(f"{FAMILY} tea", 20), 3, "terminal").render(Console())
    assert f"\x1b[{3 + 20 + 1}G14:02" in drawn
    assert drawn.endswith(f"\x1b[{3 + 25 + 1}G")


def test_a_column_is_not_drawn_in_the_order_of_the_text_before_it() -> None:
    """Digits after right-to-left words would be: a mark is between them."""
    drawn = anchored(row("שלום", 20), 0, "terminal").render(Console())
    assert drawn.index("שלום") < drawn.index(LEFT_TO_RIGHT_MARK) < drawn.index("14:02")


def test_the_pieces_of_a_row_are_kept() -> None:
    """They keep their bytes; making them again each frame took as long as drawing."""
    strip = anchored(row("שלום", 20), 0, "terminal")
    pieces = strip.divide([10, 25])
    assert [piece.cell_length for piece in pieces] == [10, 15]
    assert all(new is old for new, old in zip(strip.divide([10, 25]), pieces, strict=True))
