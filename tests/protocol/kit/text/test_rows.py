"""Visual rows: the gutter, the wrapping, the fold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.kit.text import BLANK_LABEL, safe_text
from parlour_protocol.kit.text.cell_width import most_cells
from parlour_protocol.kit.text.rows import BAR, GUTTER, NARROW_BAR, RowKind, hanging_rows, visual_rows


def rows(text: str, width: int = 12, height: int = 100) -> list[str]:
    """Return the rows as they appear."""
    return [row.text for row in visual_rows(safe_text(text), width, height)]


def test_no_row_can_imitate_a_new_message():
    """A second line and a wrapped line both begin with the client's gutter."""
    assert rows("hi\n12:03 <admin> x") == [f"{GUTTER}hi", f"{GUTTER}12:03 ", f"{GUTTER}<admin> x"]


def test_padding_does_not_reach_the_left_edge():
    """Spaces without a break cannot push text to the start of a row."""
    assert all(row.startswith(GUTTER) for row in rows("hi" + "\u00a0" * 50 + "12:00 <admin>"))


def test_a_long_word_is_cut():
    """What has no space in it breaks at the edge."""
    assert rows("a" * 25) == [GUTTER + "a" * 10, GUTTER + "a" * 10, GUTTER + "a" * 5]


def test_a_cluster_is_never_cut():
    """Marks and joined emoji stay with their base."""
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert rows(f"abcdefghi{family}") == [GUTTER + "abcdefghi", GUTTER + family]
    assert rows(family, width=6) == [GUTTER + family[:4], GUTTER + family[4:]]  # wider than the row itself
    assert rows("abcdefghi" + "e\u0301" * 2) == [GUTTER + "abcdefghie\u0301", GUTTER + "e\u0301"]


def test_too_many_rows_are_folded_with_a_count():
    """Five thousand lines take the rows that the view allows, the last one telling how many more."""
    shown = visual_rows(safe_text("x\n" * 5000), 40, 8)
    assert len(shown) == 8
    assert shown[-1].kind is RowKind.FOLD
    assert "4994" in shown[-1].text
    assert len(visual_rows(safe_text("x\n" * 7 + "x"), 40, 8)) == 8
    assert all(row.kind is RowKind.TEXT for row in visual_rows(safe_text("x\n" * 7 + "x"), 40, 8))


def test_a_blank_text_is_labelled():
    """A message that looks empty says so, in the client's words."""
    (row,) = visual_rows(safe_text("\u2800 \n"), 40, 8)
    assert (row.kind, row.text) == (RowKind.BLANK, GUTTER + BLANK_LABEL)


def test_escapes_keep_their_style_when_they_wrap():
    """Both halves of a wrapped escape are escape spans."""
    spans = [span for row in visual_rows(safe_text("\u202e"), 6, 9) for span in row.spans]
    assert all(span.is_escape for span in spans)
    assert "".join(span.text for span in spans) == "⟦U+202E⟧"


@pytest.mark.parametrize(("width", "height"), [(3, 5), (0, 5), (20, 0)])
def test_a_size_too_small_for_text_is_refused(width: int, height: int):
    """There is no honest way to show text in no space."""
    with pytest.raises(ValueError, match="fits"):
        visual_rows(safe_text("x"), width, height)


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
