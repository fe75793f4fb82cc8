"""The inspectors that come with Parlour: what they find, and what they leave alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlour_protocol.kit.inspect import (
    Action,
    Allow,
    Block,
    Context,
    File,
    Flag,
    Options,
    Redact,
    Text,
    redacted,
)
from parlour_protocol.kit.inspect.card_numbers import find_card_numbers
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES, FileTexts
from parlour_protocol.kit.inspect.file_types import file_type, find_file_types
from parlour_protocol.kit.inspect.folding import Folded, fold
from parlour_protocol.kit.inspect.inspector import FILE
from parlour_protocol.kit.inspect.judge import Rule, judge
from parlour_protocol.kit.inspect.secrets import find_secrets
from parlour_protocol.kit.inspect.shipped import SHIPPED, WORD
from parlour_protocol.kit.inspect.traffic import looks_encoded
from parlour_protocol.kit.inspect.verdict import MOST_FINDINGS
from parlour_protocol.kit.inspect.words import WordList

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111.1111.1111.1111",
    "4111 - 1111 - 1111 - 1111",
    "4111\n1111\n1111\n1111",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "4111,1111,1111,1111",
    "4111 | 1111 | 1111 | 1111",
    "4111:1111:1111:1111",
    "4111*1111*1111*1111",
    "4222222222222",
    "5555 5555 5555 4444",
    "2223003122003222",
    "3782 822463 10005",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "6250941006528599",
    "number 12, card 4111 1111 1111 1111, cvc 123",
    "12 4111 1111 1111 1111",
    "4111\u200b1111\u200b1111\u200b1111",
    "\uff14\uff11\uff11\uff11 1111 1111 1111",
    "\u0664\u0661\u0661\u0661 1111 1111 1111",
    "41\u00ad11 1111 1111 1111",
    "\U0001d7d2\U0001d7cf\U0001d7cf\U0001d7cf 1111 1111 1111",
    "".join(f"{digit}\u0336" for digit in "4111111111111111"),
    "_4111 1111 1111 1111_",
    "**4111** 1111 1111 1111",
    "4111 1111 1111\r\n    1111",
    "> 4111 1111\n> 1111 1111",
    "4\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e3 1111 1111 1111",
]


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_found(text: str) -> None:
    """D20: whatever stands between its digits, and in digits of any script."""
    assert list(find_card_numbers(fold(text)))


NO_CARDS = [
    "4111 1111 1111 1112",
    "4111111111111111234567",
    "0000 0000 0000 0000",
    "1234567890123456",
    "+49 170 1234567, +49 30 901820",
    "4111,1111:1111;1111",
    "at 41:11, 11:11 and 11:11, 11:11",
    "2026-11-27 16:47:00, 192.168.100.200, 10.0.0.1",
    "order 9223372036854775807",
    "1798761600000 1798761600001",
    "a341c39f0b1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f",
]


@pytest.mark.parametrize("text", NO_CARDS)
def test_another_number_is_left_alone(text: str) -> None:
    """A wrong check digit, no issuer, or a part of a longer number."""
    assert not list(find_card_numbers(fold(text)))


def test_a_finding_is_where_it_was_written() -> None:
    """So that what is redacted is all of it, and nothing else."""
    text = "my \u200bcard: 4\u200b111\u200b 1111\u00a01111 1111\u200b!"
    verdict = SHIPPED["cards"](Text("send.text", text), Context("ada", action=Action.REDACT))
    assert isinstance(verdict, Redact)
    assert redacted(text, verdict.findings) == "my \u200bcard: [removed: a card number]\u200b!"


WORDS = WordList(["Project Falcon", "confidential", "ada@example.org", "straße", "проект"])


@pytest.mark.parametrize(
    "text",
    [
        "CONFIDENTIAL!",
        "con\u200bfidential",
        "\uff43onfidential",
        "c\u043enfid\u0435ntial",
        "c\u00f3nfidential",
        "the project  falcon, and",
        "Project-Falcon",
        "write to ADA@example.org.",
        "in der STRASSE",
        "наш ПРОЕКТ",
        "_confidential_",
        "__project__ _falcon_",
        "c\u0336o\u0336n\u0336f\u0336i\u0336d\u0336e\u0336n\u0336t\u0336i\u0336a\u0336l\u0336",
        "co\u0301nfidential",
        "\u1d04\u1d0f\u0274\ua730\u026a\u1d05\u1d07\u0274\u1d1b\u026a\u1d00\u029f",
        "\U0001f150\U0001f153\U0001f150@example.org",
        "confi\ndential",
        "it is con-\r\n   fidential.",
        "project fal-\ncon",
        "two Project Falcons",
        "the confidentials",
        "project falcon's",
    ],
)
def test_a_word_is_found_however_it_looks(text: str) -> None:
    """D20: other case, invisible characters, full-width and look-alike letters, accents, punctuation."""
    assert WORDS.find(fold(text))


@pytest.mark.parametrize(
    "text",
    [
        "confidentiality",
        "falcon",
        "project of a falcon",
        "c o n f i d e n t i a l",
        "confi\n\ndential",
        "project\n\nof falcon",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    """Whole words, in their order; spelled with spaces they are not found, and the documents say so."""
    assert not WORDS.find(fold(text))


@pytest.mark.parametrize("entries", [["!!!"], ["a b c d e f g h i"], ["x"] * 2001])
def test_a_word_list_that_cannot_be_used_is_refused(entries: list[str]) -> None:
    """Instead of finding nothing."""
    with pytest.raises(ValueError, match="word list"):
        WordList(entries)


@pytest.mark.parametrize(
    ("head", "name", "kinds"),
    [
        (b"MZ\x90", "setup.exe", ["a Windows program"]),
        (b"MZ\x90", "cat.png", ["a Windows program", "a Windows program whose name says something else"]),
        (b"#!/bin/sh", "x", ["a script"]),
        (b"\x89PNG\r\n\x1a\n", "cat.png", []),
        (b"\x89PNG\r\n\x1a\n", "cat.jpg", ["a PNG picture whose name says something else"]),
        (b"PK\x03\x04", "notes.docx", []),
        (b"PK\x03\x04", "notes.txt", ["a ZIP archive whose name says something else"]),
        (b"hello", "cat.PDF", ["a file whose content is not what its name says"]),
        (b"hello", "notes.txt", []),
        (b"BMW is a car", "notes.txt", []),
        (b"\0" * 300, "unknown.xyz", []),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, name: str, kinds: list[str]) -> None:
    """D20: by content, not by name."""
    assert [one.kind for one in find_file_types(head, name, frozenset({"program"}))] == kinds


def test_no_kind_of_file_is_hidden_behind_another() -> None:
    """A tar's mark is far inside, and a text that begins with two letters of a format is text."""
    assert (file_type(bytes(257) + b"ustar") or pytest.fail("not found")).name == "a tar archive"
    assert file_type(b"BM") is None


def test_a_secret_is_redacted_whole() -> None:
    """A private key to its last line, or to the end of the text."""
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----"
    for text, left in ((f"see {key}\nbye", "see [removed: a private key]\nbye"), (key[:60], "")):
        found = SHIPPED["secrets"](Text("t", text), Context("ada", action=Action.REDACT))
        assert isinstance(found, Redact)
        assert redacted(text, found.findings) == left or "b3Bl" not in redacted(text, found.findings)


def test_sizes() -> None:
    """Bytes, not characters."""
    context = Context("ada", action=Action.FLAG, options=Options(text_bytes=10, file_bytes=10))
    assert isinstance(SHIPPED["size"](Text("t", "é" * 6), context), Flag)
    assert isinstance(SHIPPED["size"](File(11, b""), context), Flag)
    assert isinstance(SHIPPED["size"](Text("t", "é" * 5), context), Allow)


def test_the_beginning_of_a_text_file_is_read() -> None:
    """Also in UTF-16; of bytes that are not text, nothing."""
    options = Options(words=WordList(["falcon"]))
    for data in (b"a falcon", "a falcon".encode("utf-16"), b"x" * 65_530 + b" falcon\xc3"[:6]):
        SHIPPED["words"](File(len(data), data), Context("ada", options=options))
    context = Context("ada", options=options)
    assert SHIPPED["words"](File(8, b"a falcon"), context) == SHIPPED["words"](
        Text("file", "a falcon"), context
    )
    assert isinstance(SHIPPED["words"](File(8, "a falcon".encode("utf-16")), context), Block)
    assert isinstance(SHIPPED["words"](File(9, bytes(9) + b"a falcon"), context), Allow)
    assert WORD.isascii()


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("QUJDREVGRw8d7cK1z9XbW0v5tRmYpLkJhGfD" * 10, True),
        ("00ff10a7" * 40, True),
        ("We meet on Monday at ten. Please bring the figures of last year and your laptop. " * 5, False),
        ("今日は天気がいいですね。明日も晴れるでしょう。" * 20, False),
        ("def f(x):\n    return [y * 2 for y in x if y > 3]\n" * 8, False),
    ],
)
def test_what_looks_encoded(text: str, encoded: bool) -> None:  # noqa: FBT001 - a table
    """D25: base64 and hex do; prose, code and scripts without spaces do not."""
    assert looks_encoded(text) is encoded


KEY = "AKIAIOSFODNN7EXAMPLE"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "text",
    [
        f"_{KEY}_",
        f"**{KEY}**",
        "\u0336".join(KEY),
        f"{KEY[:9]}\n  {KEY[9:]}\nthanks",
        f"{TOKEN[:34]}\r\n{TOKEN[34:]}",
        f"_{TOKEN}_",
        "_token_: `abcdef123456`",
        "**password:** hunter22!",
        f"see glpat-{'aB3' * 5}\n{'aB3' * 3}",
    ],
)
def test_a_secret_is_found_as_people_paste_it(text: str) -> None:
    """D20: with marks of emphasis, struck through, and broken by a terminal's edge."""
    found = find_secrets(fold(text))
    assert found
    assert "\n" not in fold(text)[: found[0].start].strip()


def test_a_key_ends_before_the_next_line() -> None:
    """A line break is looked over only where the key would be too short without it."""
    text = f"{KEY}\nthanks"
    [found] = find_secrets(text)
    assert text[found.start : found.end] == KEY


@pytest.mark.parametrize("name", ["cards", "secrets", "words"])
def test_what_is_found_after_the_hundredth_is_removed_too(name: str) -> None:
    """D22: findings are few; the last one covers what is behind it."""
    one = {"cards": "4111 1111 1111 1111", "secrets": KEY, "words": "confidential"}[name]
    text = ", ".join([f"x {one} y"] * 300)
    context = Context("ada", action=Action.REDACT, options=Options(words=WORDS))
    outcome = judge([Rule(name, SHIPPED[name], Action.REDACT)], [Text("t", text)], context)
    assert len(outcome.found) == MOST_FINDINGS
    [left] = outcome.redacted([Text("t", text)])
    assert left is not None
    assert one not in left


def of_file(name: str, data: bytes) -> bool:
    """Return whether an inspector finds something in a file, all of whose text it gets."""
    context = Context("ada", options=Options(words=WordList(["falcon", "soci\u00e9t\u00e9"])))
    rest = FileTexts(data[:HEAD_BYTES])
    pieces = [
        piece for at in range(HEAD_BYTES, len(data), 9_999) for piece in rest.more(data[at : at + 9_999])
    ]
    texts = [Text(FILE, piece.text) for piece in (*pieces, *rest.end())]
    parts = [File(len(data), data[:HEAD_BYTES]), *texts]
    return any(not isinstance(SHIPPED[name](part, context), Allow) for part in parts)


EDGE = HEAD_BYTES


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("edge", [0, EDGE, 2 * EDGE, 3 * EDGE])
@pytest.mark.parametrize("filling", ["word ", "x", "caf\u00e9 ", "line\r\n"])
def test_a_number_is_found_wherever_it_is_in_a_file(edge: int, filling: str, encoding: str) -> None:
    """D20: across each edge between two pieces, in each encoding that text files have."""
    width = len((filling * 2).encode(encoding)) - len(filling.encode(encoding))
    for before in (0, 1, 7, 15, 4_096) if edge else (0,):
        count = max(0, edge - before) // width
        text = f"{filling * count} 4111 1111 1111 1111 {filling * (EDGE // len(filling))}"
        assert of_file("cards", text.encode(encoding)), (edge, before)
        assert not of_file("cards", text.replace("4111 ", "4112 ").encode(encoding)), (edge, before)


def test_a_word_is_found_in_any_text_file() -> None:
    """D20: in one byte a character, with a damaged byte, and far behind plain ASCII."""
    word = "la soci\u00e9t\u00e9, "
    for data in (
        word.encode("latin-1"),
        word.encode() + b"\xe9",
        b"ascii " * 50_000 + word.encode("latin-1"),
        b"ascii " * 50_000 + word.encode(),
        b"\x1b[31mred\x1b[0m " + word.encode(),
    ):
        assert of_file("words", data)
    assert not of_file("words", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9 + b" falcon ")


def test_a_longer_number_is_not_cut_into_one_of_a_card() -> None:
    """At the edge between two pieces of a file."""
    number = b"4111111111111111234567"
    for before in range(EDGE - 30, EDGE + 5):
        assert not of_file("cards", b"x" * (before - 1) + b" " + number + b" " + b"y" * EDGE)


@settings(max_examples=20)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_nothing_of_a_text_file_is_lost(data: bytes, size: int) -> None:
    """Each piece begins with the end of the one before it."""
    text = (b"word " * 20_000 + data * size + b" falcon")[-200_000:]
    assert of_file("words", text)


@given(st.text(), st.binary(max_size=300))
def test_nothing_crashes_an_inspector(text: str, data: bytes) -> None:
    """Whatever is sent, the places are inside of it."""
    context = Context("ada", action=Action.REDACT, options=Options(words=WORDS))
    for name in SHIPPED:
        verdict = SHIPPED[name](Text("send.text", text), context)
        if isinstance(verdict, Redact):
            assert all(0 <= one.start <= one.end <= len(text) for one in verdict.findings)
            redacted(text, verdict.findings)
        SHIPPED[name](File(len(data), data, text[:20]), context)


@given(st.text(max_size=40))
def test_places_in_a_folded_text(text: str) -> None:
    """Every character of the folded text came from somewhere."""
    read = Folded(text)
    for at, char in enumerate(read.text):
        start, end = read.span(at, at + 1)
        assert char in fold(text[start:end])
    assert find_secrets(read.text) is not None
