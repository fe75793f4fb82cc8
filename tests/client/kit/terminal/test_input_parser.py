"""What a terminal sends becomes keys and pastes, and no paste becomes keys."""

import pytest
from textual.events import Key, Paste

from parlour_client.kit.terminal.input_parser import InputParser, TerminalAnswer

BEGIN, END = b"\x1b[200~", b"\x1b[201~"
HOSTILE = [
    "\x1b[31mred\r/role mallory owner\r" + "x" * 40,  # longer than any sequence of a key
    "\x1b\x1b[A\r\x1b[B\r",
    "\x1b",
    "a\x1b[20",
    "\x1bOP\x1bf\r\x03\x11",
    "\x1b[200~again",
    "grüße\r\n\t日本 👋🏽",
    "",
]


def read(*parts: bytes) -> list[tuple[str, str]]:
    """Return the keys and pastes of bytes that come in these parts."""
    parser = InputParser()
    found = [*(one for part in parts for one in parser.feed(part)), *parser.tick()]
    parser.close()
    return [
        ("paste", one.text) if isinstance(one, Paste) else ("key", one.key)
        for one in found
        if isinstance(one, Key | Paste)
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_paste_is_a_key(text: str) -> None:
    """Whatever is in it, wherever the reads divide it, and keys before and after it are keys."""
    expected = [("key", "a"), ("key", "up"), ("paste", text), ("key", "enter"), ("key", "b")]
    sent = b"a\x1b[A" + BEGIN + text.encode() + END + b"\rb"
    assert read(sent) == expected
    assert read(*(bytes([byte]) for byte in sent)) == expected
    for at in range(len(sent)):
        assert read(sent[:at], sent[at:]) == expected


def test_a_paste_that_does_not_end_sends_nothing() -> None:
    """Not before its end has come, however long it takes."""
    assert read(BEGIN, b"half\r", b"\x1b[31m\rmore\r") == []


def test_pastes_follow_each_other() -> None:
    """Each by itself, NUL left out."""
    assert read(BEGIN + b"on\x00e" + END + BEGIN + b"two" + END + b"\x1b[B") == [
        ("paste", "one"),
        ("paste", "two"),
        ("key", "down"),
    ]


def test_a_byte_that_is_not_utf_8_ends_nothing() -> None:
    """Latin-1 from another program, or half a character."""
    assert [kind for kind, _ in read(b"\xfc", b"a" + BEGIN + b"gr\xfc\xdfe" + END)] == ["key", "key", "paste"]
    assert read(BEGIN + b"gr\xfc" + END) == [("paste", "gr\ufffd")]


KITTY, ATTRIBUTES = b"\x1b_Gi=1;OK\x1b\\", b"\x1b[?62;4;22c"


def asked(*parts: bytes, questions: int = 1) -> tuple[list[str], list[str]]:
    """Return the keys and the answers, after questions."""
    parser = InputParser()
    parser.asked = questions
    found = [message for part in parts for message in parser.feed(part)]
    parser.close()
    return (
        [one.key for one in found if isinstance(one, Key)],
        [one.text for one in found if isinstance(one, TerminalAnswer)],
    )


def test_no_answer_of_the_terminal_is_a_key() -> None:
    """Wherever the reads divide it; keys around it are keys."""
    sent = b"a" + KITTY + b"b" + ATTRIBUTES + b"\x1b[A"
    expected = (["a", "b", "up"], [KITTY.decode(), ATTRIBUTES.decode()])
    assert asked(sent) == expected
    for at in range(len(sent)):
        assert asked(sent[:at], sent[at:]) == expected, at


def test_after_the_last_answer_nothing_is_one() -> None:
    """Keys are read as ever, and a paste holds what it held."""
    keys, answers = asked(ATTRIBUTES, b"\x1b_", b"x", BEGIN + ATTRIBUTES + END)
    assert answers == [ATTRIBUTES.decode()]
    assert keys[-1] == "x"
    assert read(BEGIN + KITTY + END) == [("paste", KITTY.decode())]


def test_each_question_has_its_answer() -> None:
    """Asked again before the first answer came, which is late or whose dialog was closed."""
    both = KITTY + ATTRIBUTES
    assert asked(both + both + b"a", questions=2) == (["a"], 2 * [KITTY.decode(), ATTRIBUTES.decode()])


def test_an_esc_is_a_key_while_an_answer_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the next look finds nothing behind it; Textual's parser then waits as it always does."""
    parser = InputParser(1)
    assert [*parser.feed(b"\x1b"), *parser.tick(), *parser.tick()] == []
    monkeypatch.setattr("textual._parser.get_time", lambda: float("inf"))
    assert [one.key for one in parser.tick() if isinstance(one, Key)] == ["escape"]
