"""What a server says of a failure is shown in words, never as nothing."""

import pytest

from parlour_client.kit.errors import quoted


@pytest.mark.parametrize("blank", ["", " ", "\u2800", "\u00a0\u3000", "\n\u2003"], ids=ascii)
def test_a_sentence_without_ink_is_none(blank: str) -> None:
    """A function that quotes the sentence then reports the rest without it."""
    assert quoted(blank) == ""


def test_a_sentence_is_quoted_on_one_line_by_the_rule() -> None:
    """It is a stranger's text."""
    assert quoted("no\x1b\nmore") == "no\u27e6ESC\u27e7 more"
