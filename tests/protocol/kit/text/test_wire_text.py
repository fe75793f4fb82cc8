"""Wall one: each refusal, at its limit and one past it."""

import pytest

from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.text import WireTextError, WireTextReason, check_wire_text


def refusal(text: str, max_bytes: int = 100, max_lines: int = 3) -> WireTextReason | None:
    """Return why the text is refused, or None."""
    try:
        check_wire_text(text, max_bytes=max_bytes, max_lines=max_lines)
    except WireTextError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    "text", ["", "hello", "é日本\U0001f600", "\x1b\u202e", "a\nb\nc", "a\x0bb\u2028c\x85d"]
)
def test_what_may_cross_the_wire(text: str):
    """Ugly text crosses: the rule deals with it when it is shown."""
    assert refusal(text) is None


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xDC9B])
def test_a_lone_surrogate_is_refused(point: int):
    """JSON can spell one; no UTF-8 holds it."""
    assert refusal(f"a{chr(point)}b") is WireTextReason.SURROGATE


@pytest.mark.parametrize("char", ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"])
def test_a_noncharacter_is_refused(char: str):
    """They are never for interchange."""
    assert refusal(f"a{char}b") is WireTextReason.NONCHARACTER


def test_nul_is_refused():
    """C libraries below us would end the string there."""
    assert refusal("a\0b") is WireTextReason.NUL
    assert refusal("é\0b") is WireTextReason.NUL


def test_bytes_are_counted_in_utf8():
    """At the limit it passes, one byte past it is refused."""
    assert refusal("a" * 100) is None
    assert refusal("a" * 101) is WireTextReason.TOO_MANY_BYTES
    assert refusal("é" * 50) is None
    assert refusal("é" * 50 + "a") is WireTextReason.TOO_MANY_BYTES


def test_lines_are_counted():
    """Three lines pass, a fourth does not, even an empty one."""
    assert refusal("\n\n") is None
    assert refusal("\n\n\n") is WireTextReason.TOO_MANY_LINES


def test_the_error_does_not_repeat_the_text():
    """A log of refusals carries no peer text."""
    with pytest.raises(WireTextError) as caught:
        check_wire_text("secret\0\x1b", max_bytes=100, max_lines=3)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ParlourProtocolError)
