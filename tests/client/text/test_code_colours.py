"""Colours of code are positions in it, from lexers that a hostile block cannot keep busy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_client.text.code_colours import LANGUAGES, LONGEST_LINE, MOST, code_colours
from parlour_client.text.formatting import StyleKind


def coloured(code: str, language: str) -> list[tuple[str, StyleKind]]:
    """Return what has a colour."""
    return [(code[start:end], kind) for start, end, kind in code_colours(code, language)]


def test_python() -> None:
    """Keywords, names, strings, numbers and comments are told apart."""
    assert coloured("def f():\n    return 'a'  # b\n", "py") == [
        ("def", StyleKind.KEYWORD),
        ("f", StyleKind.NAME),
        ("return", StyleKind.KEYWORD),
        ("'a'", StyleKind.STRING),
        ("# b", StyleKind.COMMENT),
    ]


def test_a_patch() -> None:
    """Added and removed lines have different colours."""
    removed, added = coloured("-old\n+new", "diff")
    assert added[0] == "+new"
    assert added[1] is not removed[1]


@pytest.mark.parametrize("language", ["", "brainfuck", "../python", "python\x00"])
def test_no_other_lexer_is_ever_loaded(language: str) -> None:
    """A name after a fence chooses from a table; it is no name of a module."""
    assert not code_colours("x = 1", language)


@pytest.mark.parametrize(
    "code",
    ["x = 1\n" * MOST, "x" * (LONGEST_LINE + 1), "x = 1" + "\n" * 5 + "y = 2", "x\n" + " \n" * 500],
    ids=["too much", "a long line", "blank lines", "many blank lines"],
)
def test_what_would_keep_a_lexer_busy_has_no_colours(code: str) -> None:
    """Lexers look through long lines and blank lines again and again."""
    assert not code_colours(code, "python")


@pytest.mark.parametrize("lexer", sorted(set(LANGUAGES.values())))
def test_positions_lie_in_the_code_and_in_order(lexer: str) -> None:
    """Every lexer of the table exists, and its positions can be used."""
    code = "/* a */ def x(): 'b\n\"c <d e='f'> # g\n" + "{[(" * 9 + "é👍\n"
    end = 0
    for span in code_colours(code, lexer):
        assert end <= span.start < span.end <= len(code)
        end = span.end


@given(st.text(), st.sampled_from(sorted(LANGUAGES)))
def test_any_text_is_code(code: str, language: str) -> None:
    """Nothing that someone sends makes a lexer fail."""
    assert all(0 <= span.start < span.end <= len(code) for span in code_colours(code, language))
