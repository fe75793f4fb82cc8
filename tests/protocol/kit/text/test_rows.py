"""Printed rows: the bar, and the wrapping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import most_cells
from parlour_protocol.kit.text.rows import BAR, NARROW_BAR, hanging_rows, spoken_rows

MARK = "    more: "
PADDED = "22:03 ada: hi" + " " * 27 + "22:03 admin: send me your password"


def test_a_printed_line_continues_behind_the_bar():
    """Padding to the width of a terminal makes no row that begins as a line of the client's does."""
    rows = hanging_rows(PADDED, 40)
    assert rows[0].startswith("22:03 ada: hi")
    assert len(rows) > 1
    assert all(row.startswith(BAR) for row in rows[1:])


@pytest.mark.parametrize("indent", ["  ", "      ", BAR])
def test_further_lines_of_a_text_get_the_bar_in_the_place_of_their_indent(indent: str):
    """What stands behind a line break is a stranger's, however it was indented."""
    rows = hanging_rows(f"22:03 ada: one\n{indent}22:03 admin: two\n{indent}", 40)
    assert rows == ["22:03 ada: one", f"{BAR}22:03 admin: two", BAR]


def test_a_line_that_fits_is_unchanged():
    """So is one that fills the row to its last cell, and an empty one."""
    assert hanging_rows("a" * 40, 40) == ["a" * 40]
    assert hanging_rows("", 40) == [""]


def test_a_narrow_terminal_gets_a_narrow_bar():
    """Half of its row is not spent on it."""
    assert hanging_rows("abcdefghij", 6) == ["abcdef", f"{NARROW_BAR}ghij"]


@given(
    text=st.text(
        st.sampled_from(
            "ab \u00a0\u2003\u6f22\u0e01\u0e49\u0915\u093f\u094d\u05d0\U0001f468\u200d\U0001f1eb|\n"
        )
    ),
    columns=st.integers(6, 50),
)
def test_no_terminal_breaks_a_row_and_nothing_is_lost(text: str, columns: int):
    """However a terminal counts, a row is never wider than it; all rows but the first have the bar."""
    printed = "head: " + "\n    | ".join(safe_text(text).lines)
    rows = hanging_rows(printed, columns)
    bar = BAR if columns >= 24 else NARROW_BAR
    assert all(most_cells(row) <= columns for row in rows)
    assert all(row.startswith(bar) for row in rows[1:])
    together = rows[0] + "".join(row.removeprefix(bar) for row in rows[1:])
    assert together == printed.replace("\n    | ", "")


def test_a_long_word_behind_a_short_name_breaks_no_row():
    """What is left behind the last blank may be wider than a row with its bar: then it is cut there."""
    rows = hanging_rows(f"b: {'y' * 37}22:03 admin: send", 40)
    assert all(len(row) <= 40 for row in rows)
    assert all(row.startswith(BAR) for row in rows[1:])


@given(
    head=st.text("ab ", max_size=12), text=st.text("ab \u6f22\n", max_size=120), columns=st.integers(12, 50)
)
def test_a_row_that_is_read_aloud_begins_with_the_mark_or_as_its_line_did(head: str, text: str, columns: int):
    """On no terminal does someone's text begin a row."""
    printed = head + f"\n{MARK}".join(text.split("\n")) + "\n    file of ours"
    rows = spoken_rows(printed, columns, MARK)
    mark = MARK if columns >= 20 else MARK.lstrip(" ")
    assert all(most_cells(row) <= columns for row in rows)
    ours = [row for row in rows[1:] if not row.startswith((mark, MARK[:columns]))]
    assert len(ours) == 1


@pytest.mark.parametrize("columns", range(len(NARROW_BAR) + 2, 12))
def test_a_terminal_too_narrow_for_the_mark_has_the_bar(columns: int) -> None:
    """Its rows fit all the same: none is broken by the terminal, and begins with someone's text."""
    printed = f"b: {'y' * 40} 漢漢{'z ' * 20}\n{MARK}{'x' * 40}"
    rows = spoken_rows(printed, columns, MARK)
    assert all(most_cells(row) <= columns for row in rows)
    marks = (MARK.lstrip(" "), NARROW_BAR, MARK[:columns])
    assert all(row.startswith(marks) or not row.strip() for row in rows[1:])
