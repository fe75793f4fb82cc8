"""Formatted text in rows: what is drawn is what was sent, but for markers, and a key shows those as well."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.steps import steps
from tests.protocol.kit.text.corpus import CORPUS, load

from parlour_client.text.formatting import StyleKind, StyleSpan, formatted
from parlour_client.ui.chat.timeline import message_text
from parlour_client.ui.chat.timeline.message_text import CODE_FOLDED, TextView, text_rows
from parlour_client.ui.chat.timeline.pieces import OWN, Look, Piece, Row
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import cell_width, clusters

AS_SENT = TextView(markers=True, covered=False, opened=True)
CORA = Piece("* cora ", Look.AUTHOR)
WIDE = 100_000


def rows(text: str, width: int = 40, view: TextView = TextView(actor=CORA)) -> list[str]:  # noqa: B008 - frozen
    """Return the rows as they are drawn, without blanks at the end."""
    return ["".join(piece.text for piece in row).rstrip() for row in pieces(text, width, view)]


def pieces(text: str, width: int, view: TextView) -> list[Row]:
    """Return the rows."""
    safe = safe_text(text)
    return list(text_rows(safe, formatted(safe), width, view))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a **b** _c_", ["a b c"]),
        ("> a b c\n> d", ["▌ a b c", "▌ d"]),
        ("> a **long quote** of many words that wrap", ["▌ a long quote of many words that wrap"]),
        ("- one\n- two", ["• one", "• two"]),
        (
            "12. a point of many words that is wrapped below",
            ["12. a point of many words that is", "    wrapped below"],
        ),
        ("/me _waves_", ["* cora waves"]),
        ("no ||one|| ||two ~~x~~||", ["no [spoiler, Enter: show] [spoiler,", "Enter: show]"]),
        ("a\n```py\nx = 1\n```\nb", ["a", "· py · 1 line (c: copy)", "  x = 1", "b"]),
        ("```\nx\n\ny\n```", ["· code · 3 lines (c: copy)", "  x", "", "  y"]),
        ("```poetry\nx\n```", ["· code · 1 line (c: copy)", "poetry", "  x"]),
    ],
)
def test_formatted_rows(text: str, shown: list[str]) -> None:
    """Markers are left out; bars, bullets and signs of the client's own stand for some."""
    assert rows(text) == shown


def test_the_markers_are_drawn_on_demand() -> None:
    """As it was sent means every character of it."""
    text = "/me **a** ||b||\n> c\n- d\n```py\ne\n```"
    assert rows(text, WIDE, AS_SENT) == ["/me **a** ||b||", "> c", "- d", "```py", "  e", "```"]


def test_a_spoiler_is_covered_in_one_piece_whatever_is_in_it() -> None:
    """Its length and its words stay unknown until someone asks."""
    assert rows("||a **b** `c` https://d.example||") == rows("||e||") == ["[spoiler, Enter: show]"]
    assert rows("||a **b**||", view=TextView(covered=False)) == ["a b"]


def test_long_code_is_folded_and_counted() -> None:
    """A folded block shows its first lines and how many more there are."""
    code = "\n".join(f"x{number}" for number in range(40))
    shown = rows(f"```\n{code}\n```")
    assert shown[0] == "· code · 40 lines (c: copy)"
    assert shown[1:-1] == [f"  x{number}" for number in range(CODE_FOLDED)]
    assert shown[-1] == "· … 30 more lines of code (Enter: show)"
    assert rows(f"```\n{code}\n```", 20)[-1] == "· … 30"
    assert len(rows(f"```\n{code}\n```", view=TextView(opened=True))) == 41


def test_a_block_of_code_is_filled_to_the_width() -> None:
    """Its rows are one block, also where a long line is cut."""
    block = pieces("```\n" + "a" * 50 + " b\n```", 20, TextView())[1:]
    assert [sum(len(piece.text) for piece in row) for row in block] == [20, 20, 20]
    assert all(StyleKind.CODE_BLOCK in piece.kinds for row in block for piece in row)


def test_nobody_can_write_a_line_of_the_client() -> None:
    """What stands for markers is in another style than the same characters in a message."""
    typed = pieces("[spoiler, Enter: show]", 40, TextView())[0]
    covered = pieces("||a||", 40, TextView())[0]
    assert typed[0].text == covered[0].text
    assert (typed[0].look, typed[0].kinds) != (covered[0].look, covered[0].kinds)


def test_a_span_that_ends_within_a_cluster_hides_nothing_of_it() -> None:
    """The layout does not rely on the parser: what can't be cut is no marker."""
    safe = safe_text("e\u0301a")
    spans = [StyleSpan(0, 1, StyleKind.MARKER)]
    assert ["".join(piece.text for piece in row) for row in text_rows(safe, spans, 40)] == ["e\u0301a"]


def check(text: str, width: int) -> None:
    """Check that nothing of a text gets lost or too wide."""
    safe = safe_text(text)
    if not safe.blank:
        assert any(row.strip() for row in rows(text, width)), "nothing is left to see"
    shown = rows(text, WIDE, AS_SENT)
    assert len(shown) == len(safe.lines)
    for row, line in zip(shown, safe.lines, strict=True):
        assert row.removeprefix("  ").rstrip() == line.removeprefix("  ").rstrip()
    for view in (TextView(actor=CORA), AS_SENT):
        for row in pieces(text, width, view):
            if row[:1] == (OWN,):
                continue  # our words, with the mark that others' text gets from ``rows``
            assert sum(cell_width(piece.text) for piece in row) <= max(width, 2) or len(_clusters(row)) <= 1
            for _, same in groupby(row, lambda piece: piece.look):  # an escape is a piece of its own
                parts = tuple(piece for piece in same if piece.text.strip(" "))
                assert [one for piece in parts for one, _ in clusters(piece.text)] == _clusters(parts)


def _clusters(row: Row) -> list[str]:
    return [cluster for cluster, _ in clusters("".join(piece.text for piece in row))]


STYLES = ("**{}**", "||{}||", "`{}`", "> {}", "- {}", "/me {}", "```py\n{}\n```", "~~_{}_~~")


def test_the_hostile_corpus_in_every_style() -> None:
    """Every text of the corpus is drawn whole, in every style, at several widths."""
    for number, entry in enumerate(load(CORPUS)[::2]):
        check(STYLES[number % len(STYLES)].replace("{}", entry.text), (10, 23, 76)[number % 3])


@given(
    st.lists(
        st.sampled_from(
            [
                "```",
                "```py",
                "`",
                "> ",
                "- ",
                "*a*",
                "**",
                "||",
                "\n",
                "é",
                " ",
                "/me ",
                "粗",
                "👍🏽",
                "\u0301",
                "def",
                "\u200f\u05d0",
                "https://a.example/_",
            ]
        ),
        max_size=30,
    ),
    st.integers(min_value=2, max_value=60),
)
def test_pieces_of_formatting_in_any_order(parts: list[str], width: int) -> None:
    """Nothing gets lost, too wide, or cut within a cluster."""
    check("".join(parts), width)


@pytest.mark.parametrize(
    "part", ["||a|| ", "*a* ", "> *a*\n", "```\na\n```\n", "```\n*a*\n", "- a\n", "`é` ", "👍*a*"]
)
def test_twice_the_text_takes_at_most_twice_the_steps(part: str) -> None:
    """No row is cut from all pieces of its line."""
    few, many = (
        steps(lambda size=size: pieces(part * size, 40, TextView()), message_text) for size in (100, 400)
    )
    assert many <= 4.6 * few + 200
