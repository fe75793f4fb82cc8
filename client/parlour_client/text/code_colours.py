"""The colours of code: Pygments says where keywords, strings and comments are.

Only positions are taken from it, never a character. A lexer is a table of regular expressions that a
stranger's text runs through, so only those are used that were measured to be linear on hostile code
(docs/reference/text.md), and only up to ``MOST``; anything else is shown in one colour.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from parlour_client.text.formatting import StyleKind, StyleSpan

if TYPE_CHECKING:
    from pygments.token import _TokenType

MOST: Final = 8 * 1024
"""Characters of a block that gets colours: what fits into one message."""
LONGEST_LINE: Final = 240
"""Characters of a line of such a block."""
_BLANK_LINES: Final = re.compile(r"(?:^[ \t]*\n){4}", re.MULTILINE)
"""More blank lines than code has: lexers look through them again and again."""
LANGUAGES: Final = {
    alias: lexer
    for lexer, aliases in {
        "python": "py python python3",
        "pycon": "pycon doctest",
        "javascript": "javascript js",
        "typescript": "typescript ts",
        "json": "json",
        "yaml": "yaml yml",
        "toml": "toml",
        "ini": "ini cfg dosini",
        "bash": "bash sh zsh shell",
        "html": "html",
        "xml": "xml svg",
        "css": "css",
        "sql": "sql",
        "c": "c h",
        "cpp": "cpp c++ cc hpp",
        "kotlin": "kotlin kt",
        "go": "go golang",
        "rust": "rust rs",
        "swift": "swift",
        "ruby": "ruby rb",
        "php": "php",
        "lua": "lua",
        "diff": "diff patch",
        "docker": "dockerfile docker",
        "make": "make makefile",
    }.items()
    for alias in aliases.split()
}
"""The lexer for each name after a fence."""


def code_colours(code: str, language: str) -> Sequence[StyleSpan]:
    """Return spans over ``code``, in order; none for a language that has no colours here."""
    lexer = LANGUAGES.get(language.lower())
    if lexer is None or not _is_ordinary(code):
        return ()
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - most messages have no code

    spans: list[StyleSpan] = []
    end = 0
    for start, kind, text in get_lexer_by_name(lexer).get_tokens_unprocessed(f"{code}\n"):
        if start < end:
            break  # not a position behind the last one
        style, end = _style(kind), min(start + len(text), len(code))
        if style is not None and start < end:
            goes_on = spans and spans[-1].kind is style and spans[-1].end == start
            spans.append(StyleSpan(spans.pop().start if goes_on else start, end, style))
    return spans


def _is_ordinary(code: str) -> bool:
    return (
        len(code) <= MOST
        and max(map(len, code.split("\n"))) <= LONGEST_LINE
        and _BLANK_LINES.search(code) is None
    )


def _style(kind: "_TokenType") -> StyleKind | None:
    from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String  # noqa: PLC0415 - as above

    for family, style in (
        (Comment, StyleKind.COMMENT),
        (Keyword, StyleKind.KEYWORD),
        (Operator.Word, StyleKind.KEYWORD),
        (String, StyleKind.STRING),
        (Number, StyleKind.NUMBER),
        (Name.Function, StyleKind.NAME),
        (Name.Class, StyleKind.NAME),
        (Name.Builtin, StyleKind.NAME),
        (Name.Tag, StyleKind.NAME),
        (Name.Attribute, StyleKind.NAME),
        (Name.Decorator, StyleKind.NAME),
        (Generic.Inserted, StyleKind.STRING),
        (Generic.Deleted, StyleKind.NUMBER),
        (Generic.Subheading, StyleKind.NAME),
    ):
        if kind in family:
            return style
    return None
