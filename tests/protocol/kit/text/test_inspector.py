"""The inspector: one honest row per code point, safe to show itself."""

from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.kit.text.inspector import MAX_INSPECTED, inspect_text
from parlour_protocol.kit.text.line_classifier import Verdict


def test_each_code_point_has_its_row():
    """Code, name, category, look and verdict."""
    rows = inspect_text("a\u202e\r\n\t\u0301")
    assert [(row.code, row.category, row.shown_as, row.verdict) for row in rows] == [
        ("U+0061", "Ll", "a", Verdict.SHOWN),
        ("U+202E", "Cf", "⟦U+202E⟧", Verdict.ESCAPED),
        ("U+000D", "Cc", "line break", Verdict.LINE_BREAK),
        ("U+000A", "Cc", "line break", Verdict.LINE_BREAK),
        ("U+0009", "Cc", "4 spaces", Verdict.SPACES),
        ("U+0301", "Mn", "\u25cc\u0301", Verdict.SHOWN),
    ]
    assert rows[1].name == "RIGHT-TO-LEFT OVERRIDE"


def test_an_invisible_character_in_context_is_reported():
    """It is let through in the text, and named here."""
    row = inspect_text("\u0628\u200c\u0628")[1]
    assert (row.name, row.shown_as, row.verdict) == ("ZERO WIDTH NON-JOINER", "U+200C", Verdict.IN_CONTEXT)


def test_the_table_is_safe_to_show():
    """No field of any row holds what the terminal must not get, nor a bare mark."""
    text = "".join(
        map(chr, [*range(0x400), *range(0x2000, 0x2070), *range(0xD7F0, 0xE010), *range(0xE0000, 0xE0080)])
    )
    for row in inspect_text(text):
        fields = f"{row.code}{row.name}{row.category}{row.shown_as}"
        assert FORBIDDEN.search(fields) is None
        assert (row.code + row.name).isascii()


def test_it_stops_at_what_a_person_reads():
    """A long text is cut, not refused."""
    assert len(inspect_text("x" * (MAX_INSPECTED + 1))) == MAX_INSPECTED
