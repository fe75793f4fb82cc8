"""Text of strangers on lines of a terminal."""

import pytest

from parlour_client.text.untrusted_text import shown
from parlour_protocol.kit.text import BLANK_LABEL


def test_a_further_line_cannot_look_like_one_of_ours() -> None:
    """It is marked; controls are shown, not sent."""
    assert shown("a\nada: b\x1b[2J") == "a\n    | ada: b⟦ESC⟧[2J"
    assert shown("a\nb", indent="      | ") == "a\n      | b"


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_text_that_shows_nothing_is_named(blank: str) -> None:
    """A line that ends behind the name would look unfinished."""
    assert shown(blank) == BLANK_LABEL
