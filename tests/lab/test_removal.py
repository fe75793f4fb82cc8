"""What may stand in a defence's place: less of it, and nothing more."""

import pytest

from parlour_lab.removal import added

LESS = {
    "a statement": ("    refuse(head)", "    pass"),
    "lines": ("if x:\n    raise Refused\nanswer()", "answer()"),
    "a check": ("if count >= limit:", "if False:"),
    "a part of a check": ("if not whole or trailing or last:", "if not whole or last:"),
    "a call around a value": ("copy(safe_text(text))", "copy(text)"),
    "an argument": ("connect(uri, compression=None)", "connect(uri)"),
    "a limit": ("max_size=LARGEST", "max_size=None"),
    "a clause of SQL": ('" WHERE room = ? AND account = ?"', '" WHERE room = ?"'),
    "the rest of a function": ("found = look(who)\nreturn found.allowed", "return True"),
    "a comment that explains it": ("check(x)", "pass  # for everyone"),
}
MORE = {
    "a statement": ("    refuse(head)", "    forge(head)"),
    "another constant": ('version = "1.3"', 'version = "1.2"'),
    "a check turned around": ("if not inspected:", "if inspected:"),
    "an answer turned around": ("is_whole = False", "is_whole = True"),
    "another operator": ("if count >= limit:", "if count < limit:"),
    "an operator": ("return data", "return data + data"),
    "the same words in another order": ("send(first, second)", "send(second, first)"),
    "a word a second time": ("send(first)", "send(first, first)"),
    "a clause of SQL": ('"SELECT 1 WHERE a = ?"', '"SELECT 1 WHERE a = ? OR 1"'),
}


@pytest.mark.parametrize("how", LESS)
def test_less(how: str) -> None:
    """It takes something away."""
    assert added(*LESS[how]) == []


@pytest.mark.parametrize("how", MORE)
def test_more(how: str) -> None:
    """What is added is named."""
    assert added(*MORE[how])
