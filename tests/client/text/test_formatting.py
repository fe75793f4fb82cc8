"""Formatting is spans over the text that was sent: it hides nothing but markers, and takes linear time."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.steps import steps
from tests.protocol.kit.text.corpus import CORPUS, load

from parlour_client.text import formatting, links
from parlour_client.text.formatting import StyleKind, StyleSpan, code_blocks, formatted, preview
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import clusters

MARKERS = "*_~|`>-/\\ "
UNSEEN = {StyleKind.MARKER}


def found(text: str) -> list[tuple[str, str]]:
    """Return what is formatted, and how, without the markers and the parts of lines."""
    safe = safe_text(text)
    structure = {StyleKind.MARKER, StyleKind.LEAD, StyleKind.BAR, StyleKind.BULLET}
    return [
        (safe.plain[start:end], str(kind)) for start, end, kind in formatted(safe) if kind not in structure
    ]


def drawn(text: str) -> str:
    """Return the text without its markers."""
    plain, gone = safe_text(text).plain, set[int]()
    for start, end, kind in formatted(safe_text(text)):
        if kind is StyleKind.MARKER:
            gone |= set(range(start, end))
    return "".join(char for at, char in enumerate(plain) if at not in gone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a **b** c", [("b", "bold")]),
        ("*b* and _b_", [("b", "italic"), ("b", "italic")]),
        ("***b***", [("b", "bold"), ("b", "italic")]),
        ("~~b~~", [("b", "strike")]),
        ("||b||", [("b", "spoiler")]),
        ("`*b*`", [("*b*", "code")]),
        ("``a`b``", [("a`b", "code")]),
        ("**a _b_ c**", [("a _b_ c", "bold"), ("b", "italic")]),
        ("**粗体**文字，*斜*", [("粗体", "bold"), ("斜", "italic")]),  # noqa: RUF001
        ("(*that*), “*this*”", [("that", "italic"), ("this", "italic")]),
        ("/me *waves*", [("/me *waves*", "action"), ("waves", "italic")]),
        ("> one\n>\n> *two*", [("> one", "cited"), (">", "cited"), ("> *two*", "cited"), ("two", "italic")]),
        (">\u00a0ben: yes", [(">\u00a0ben: yes", "cited")]),
        (
            ">\u2800ben: yes\n\u3000>\u2003\u00a0x",
            [(">\u2800ben: yes", "cited"), ("\u3000>\u2003\u00a0x", "cited")],
        ),
        ("```py\nx = 1\n```", [("```py", "fence"), ("x = 1", "code-block")]),
        ("```\nx\ny```\n*z*", [("```", "fence"), ("x\ny", "code-block"), ("z", "italic")]),
        ("```\n*x*", [("```", "fence"), ("*x*", "code-block")]),
        ("- *one*\n2. two", [("one", "italic")]),
        (
            "*see https://a.example/b_c_d*",
            [
                ("see https://a.example/b_c_d", "italic"),
                ("https://a.example/b_c_d", "link"),
            ],
        ),
        ("||https://a.example||", [("https://a.example", "spoiler"), ("https://a.example", "link")]),
    ],
)
def test_the_subset(text: str, expected: list[tuple[str, str]]) -> None:
    """Each kind of formatting is found."""
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "snake_case_names and __init__",
        "2*3*4",
        "f(*args, **kwargs)",
        "a || b || c",
        "if (a||b||c)",
        "f**k s***t",
        "^_^ hi ^_^",
        "*_*",
        "-_- lol -_-",
        "¯\\_(ツ)_/¯",
        "\\*not\\*",
        "\\`not` code",
        "svn+ssh://h/(_a_)",
        "https://a.example/(_b_)",
        "* * *",
        "---",
        "****",
        "~/a ~/b",
        "~1~",
        "*a\nb*",
        "** a **",
        "**a",
        "a**",
        "`",
        "``",
        "```",
        "```py",
        "```\n\n```",
        "` `",
        ">>> print(1)",
        ">_<",
        ">:(",
        "5 > 3",
        ">>>>>>> main",
        "-5",
        "/media",
        "/me",
        "/me  ",
        " /me waves",
        "#1",
        "*a*\u0301",
        "*\ufe0f\u20e3*",
        "**\u2800**",
        "`\u2800`",
        "file:///_a_/_b_",
        "svn+ssh://h/_a_",
    ],
)
def test_what_only_looks_like_formatting_stays_as_it_was_sent(text: str) -> None:
    """Names, sums, faces, programs and addresses keep every character."""
    assert drawn(text) == safe_text(text).plain


def test_code_is_copied_without_its_fences() -> None:
    """The code of each block is one piece, with its blanks."""
    safe = safe_text("look:\n```py\nif x:\n\n    y()\n```\nand\n```\nz```")
    assert [safe.plain[start:end] for start, end, _ in code_blocks(safe)] == ["if x:\n\n    y()", "z"]


def test_a_preview_covers_spoilers() -> None:
    """Where a message is only quoted, its spoilers are covered, and nothing else changes."""
    covered = preview("**he** ||dies *twice*|| and ||she|| lives")
    assert covered == "**he** ||[spoiler]|| and ||[spoiler]|| lives"
    assert preview("a || b || \x1b") == "a || b || ⟦ESC⟧"
    assert preview("**a** \x1b") == "**a** \x1b"


def check(text: str) -> None:
    """Check what must be true of the spans of any text."""
    safe = safe_text(text)
    plain, spans = safe.plain, formatted(safe)
    assert list(spans) == sorted(spans, key=lambda span: (span.start, -span.end))
    around: list[StyleSpan] = []
    for span in spans:
        assert 0 <= span.start < span.end <= len(plain) or (
            span.kind is StyleKind.CODE_BLOCK and span.start == span.end
        )
        while around and around[-1].end <= span.start:
            around.pop()
        assert not around or span.end <= around[-1].end, f"{around[-1]} and {span} cross"
        around.append(span)
    hidden = [plain[span.start : span.end] for span in spans if span.kind in UNSEEN]
    assert all(set(marker) <= set("*_~|` ") or marker == "/me " for marker in hidden)
    starts = {0}
    for line_start, line in _lines(plain):
        at = line_start
        for cluster, _ in clusters(line):
            starts.add(at)
            at += len(cluster)
        starts.add(at)
    assert all({span.start, span.end} <= starts for span in spans if span.kind in UNSEEN)
    assert safe.blank or safe_text(drawn(text)).plain.strip(), "nothing is left to see"


def _lines(plain: str) -> list[tuple[int, str]]:
    lines, at = list[tuple[int, str]](), 0
    for line in plain.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    return lines


@given(st.text(st.sampled_from(MARKERS + "ab1.:\ń\u0600️🇩👍가粗⠀\u200d")))
def test_spans_nest_within_the_text_and_hide_only_markers(text: str) -> None:
    """Whatever is sent, only whole markers can be left out, and something is always seen."""
    check(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "```",
                "```py",
                "````",
                "`",
                "> ",
                ">> ",
                "- ",
                "*a*",
                "**",
                "||",
                "\n",
                "x",
                " ",
                "/me ",
                "https://a.example/_",
                "_",
            ]
        ),
        max_size=30,
    )
)
def test_pieces_of_formatting_in_any_order(pieces: list[str]) -> None:
    """Whole markers in any order are found much more often than by single characters."""
    check("".join(pieces))


STYLES = ("{}", "**{}**", "||{}||", "`{}`", "> {}", "- {}", "/me {}", "```\n{}\n```", "~~_{}_~~")


def test_the_hostile_corpus_in_every_style() -> None:
    """Every text of the corpus keeps all its characters, whatever is put around it."""
    for number, entry in enumerate(load(CORPUS)):
        check(STYLES[number // 2 % len(STYLES)].replace("{}", entry.text))


HOSTILE: dict[str, Callable[[int], str]] = {
    "stars": lambda n: "*" * n,
    "star words": lambda n: "*a " * (n // 3),
    "starred words": lambda n: "*a* " * (n // 4),
    "opened": lambda n: "**a _b ~~c ||d " * (n // 15),
    "mixed runs": lambda n: "*_" * (n // 2),
    "faces": lambda n: "**! " + "!** " * (n // 4),
    "backticks": lambda n: "".join("`" * (1 + k % 40) + " " for k in range(n // 21)),
    "growing backticks": lambda n: " ".join("`" * k for k in range(int((2 * n) ** 0.5))),
    "fences": lambda n: "```\n" * (n // 4),
    "shrinking fences": lambda n: "\n".join("`" * k for k in range(int((2 * n) ** 0.5), 2, -1)),
    "open fences": lambda n: "````\n\n```\n" * (n // 10),
    "quotes": lambda n: ">" * n,
    "quote lines": lambda n: "> \n" * (n // 3),
    "nested quotes": lambda n: "> > > a\n" * (n // 8),
    "spaces": lambda n: " " * n + "*",
    "bullets": lambda n: "-  " * (n // 3),
    "schemes": lambda n: "a://" * (n // 4) + "*",
    "links": lambda n: "*https://a.example/_* " * (n // 22),
    "letters": lambda n: "*" + "a" * n,
    "marks": lambda n: "*\u0301" * (n // 2),
    "emoji": lambda n: "*👍*" * (n // 3),
    "spoilers": lambda n: "||a|| " * (n // 6),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_takes_at_most_twice_the_steps(name: str) -> None:
    """No text makes the parser look at the same characters again and again."""
    small, large = (safe_text(HOSTILE[name](size)) for size in (1_000, 4_000))
    few, many = (steps(lambda safe=safe: formatted(safe), formatting, links) for safe in (small, large))
    assert many <= 4.6 * few + 200


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_between_markers_is_read_a_few_times_at_most(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker that ends nothing does not make the next one read it all again."""
    read = 0
    has_ink = formatting._has_ink

    def counted(content: str) -> bool:
        nonlocal read
        read += len(content)
        return has_ink(content)

    monkeypatch.setattr(formatting, "_has_ink", counted)
    safe = safe_text(HOSTILE[name](8_000))
    formatted(safe)
    assert read <= 6 * len(safe.plain)  # as deep as markers can be nested
