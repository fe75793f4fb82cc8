"""D22: no shipped inspector is slow on any text: for four times the text it takes about four times as long.

The texts are made, not chosen: every beginning of a pattern with everything that it could be followed by,
again and again, so that a search that goes over the same characters for each beginning shows.
"""

import itertools
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from parlour_protocol.kit.inspect import Action, Context, File, Options, Part, Sealed, Text
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES, FileTexts
from parlour_protocol.kit.inspect.inspector import Sent
from parlour_protocol.kit.inspect.judge import Rule, judge
from parlour_protocol.kit.inspect.secrets import _FORMS
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.texts import texts_of, with_texts
from parlour_protocol.kit.inspect.words import WordList


class Row(msgspec.Struct, frozen=True):
    """A row of a form."""

    label: str


class Form(msgspec.Struct, frozen=True, tag="form"):
    """A request with many texts."""

    rows: tuple[Row, ...]


SMALL, TIMES = 4_096, 4
MOST = 1.8 * TIMES
"""What is quadratic takes TIMES² as long."""
NOISE = 0.003
"""Seconds: a busy machine's caches are not the inspectors'."""

SIGNS = {
    "secrets": sorted(
        {
            sign.upper() if sign.startswith(("akia", "asia", "age")) else sign
            for form in _FORMS
            for sign in form.signs
        }
        | {
            "eyJ",
            "AIza",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN ",
            "PuTTY-User-Key-File-1",
            "github_pat_",
            "SG.",
            "sk-live-",
            "pypi-AgE",
            "eyJaaaaaaaa.eyJaaaaaaaa",
            "password:",
            "secret_access_key=",
            "x://a:",
            "parlour://a#",
            "code=",
            "\u0130password:",
        }
    ),
    "cards": [
        "4",
        "41111",
        "4111 1111 1111 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 ",
        "0000 ",
        "37",
        "4111-1111 1111*",
    ],
    "words": ["one", "one two", "one two three four five six seven", "ones", "s", "on-", "falco"],
    "size": ["a"],
    "tunnel": ["QUJD", "a "],
}
FOLLOWED = [
    "",
    "a",
    "aB3xY_",
    "-",
    " ",
    "   ",
    "\n",
    "-\n",
    "\r\n \t",
    ".",
    ":",
    "=",
    "#",
    "@",
    "_",
    "\u00e9",
    "\u0336",
    "\u200b",
    "\uff11",
    "\ufdfa",
    "\u249c",
]
ALONE = [*FOLLOWED[1:], "1 ", "\u0915\u094d\u093c", "a\u0301\u0323", "\u05d0\u05b0", "\U0001f468\u200d"]
WORDS = WordList(
    [
        "one",
        "one two",
        "one two three four five six seven eight",
        *(f"one word{number}" for number in range(1_900)),
    ]
)


def repeated(pattern: str, size: int) -> str:
    """Return the pattern again and again."""
    return (pattern * (size // len(pattern) + 1))[:size]


def hostile(name: str) -> Iterator[Callable[[int], str]]:
    """Yield texts of any size that are hard for an inspector."""
    patterns = [f"{sign}{follows}" for sign, follows in itertools.product(SIGNS[name], FOLLOWED)]
    for pattern in (*patterns, *ALONE):
        yield lambda size, pattern=pattern: repeated(pattern, size)
        if name == "cards" or not pattern.isascii():
            continue
        # the same behind a letter that takes the way of other scripts, and once at the start of a long run
        yield lambda size, pattern=pattern: "\u00e9" + repeated(pattern, size - 1)
    for sign in SIGNS[name]:
        for follows in ALONE:
            yield lambda size, sign=sign, follows=follows: sign + repeated(follows, size - len(sign))


def cpu(work: Callable[[], object]) -> float:
    """Return the seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def assert_linear(work: Callable[[int], Callable[[], object]], what: object) -> None:
    """Fail if more work takes more than its share longer.

    That is so from two sizes on: at one alone the allocator may give memory back and get it again each time.
    """
    least = most = 0.0
    for size in (SMALL, 2 * SMALL):
        small, large = work(size), work(size * TIMES)
        for _ in range(6):
            least, most = min(cpu(small) for _ in range(2)), cpu(large)
            if most <= MOST * least + NOISE:
                return
    pytest.fail(f"{most:.3f} s for {TIMES} times what took {least:.3f} s: {what!r}")


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "files"])
def test_no_text_is_slow(name: str) -> None:
    """Neither to search, nor to say where something was found, nor to remove it."""
    options = Options(words=WORDS)
    rules = [Rule(name, SHIPPED[name], Action.REDACT)]
    recent = tuple(Sent(float(at), 4_000, encoded=True) for at in range(64))

    def work(make: Callable[[int], str]) -> Callable[[int], Callable[[], object]]:
        def sized(size: int) -> Callable[[], object]:
            text = make(size)

            def look() -> None:
                part = Text("t", text)  # a new one: what it remembers is part of the work
                outcome = judge(rules, [part], Context("ada", options=options, recent=recent))
                assert not outcome.failed
                outcome.redacted([part])

            return look

        return sized

    for make in hostile(name):
        assert_linear(work(make), make(60))


@pytest.mark.parametrize(
    "head", [b"a", b"\0a", b"\xe9", b"\xc3\xa9", b"MZ", b"\xff\xfea\0", bytes(range(256)), b" \n"]
)
def test_no_file_is_slow(head: bytes) -> None:
    """With all inspectors, its pieces included: the text of a file is decoded once, in whatever encoding."""
    rules = [Rule(name, inspector, Action.BLOCK) for name, inspector in SHIPPED.items()]
    context = Context("ada", options=Options(words=WORDS))

    def sized(size: int) -> Callable[[], object]:
        data = head * (32 * size // len(head))

        def look() -> None:
            rest = FileTexts(data[:HEAD_BYTES])
            texts = [Text("file", piece.text) for piece in (*rest.more(data[HEAD_BYTES:]), *rest.end())]
            parts: list[Part] = [File(len(data), data[:HEAD_BYTES], "x" * 255), *texts]
            judge(rules, parts, context)

        return look

    assert_linear(sized, head)


def test_no_form_with_many_fields_is_slow() -> None:
    """The texts of a request are found, judged and replaced in one walk each."""
    rules = [Rule(name, inspector, Action.REDACT) for name, inspector in SHIPPED.items()]

    def sized(size: int) -> Callable[[], object]:
        frame = Form((Row("4111 1111 1111 1111"),) * (size // 32))

        def look() -> None:
            texts = texts_of(frame)
            parts: list[Part] = [text for _, text in texts] or [Sealed(1)]
            new = judge(rules, parts, Context("ada")).redacted(parts)
            with_texts(frame, {path: text or "" for (path, _), text in zip(texts, new, strict=True)})

        return look

    assert_linear(sized, "rows")
