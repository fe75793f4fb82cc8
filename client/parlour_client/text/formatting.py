"""Formatting that stays text: which stretches of a shown message are bold, code, a quote and so on.

``formatted`` is a pure function from sanitised text to spans over it, in time linear in its length. It adds
no character and takes none away, follows no link and knows no markup but that of docs/reference/text.md:
what is not exactly that stays as it was sent. Views turn spans into styles; the only characters that they
may leave out are those of ``MARKER`` and, until someone asks, of ``SPOILER``, for which they draw a sign.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from parlour_client.kit.language import _
from parlour_client.text.links import find_links
from parlour_protocol.kit.text import SafeText, safe_text, unicode_data
from parlour_protocol.kit.text.cell_width import clusters


class StyleKind(StrEnum):
    """The kinds of spans in a message."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    CODE = "code"
    """Inline code."""
    SPOILER = "spoiler"
    LINK = "link"
    ACTION = "action"
    """The whole text of a message that begins with `/me `."""
    CITED = "cited"
    """A line of a quote."""
    CODE_BLOCK = "code-block"
    """The lines between two fences."""
    FENCE = "fence"
    """The line that begins a code block, with the name of its language."""
    LEAD = "lead"
    """The beginning of a line of a quote or a list, under which its further rows do not go."""
    BAR = "bar"
    """One `>` of a quote; a view may draw a bar in its place."""
    BULLET = "bullet"
    """The `-` or `*` of a list; a view may draw a bullet in its place."""
    MARKER = "marker"
    """Characters that only say how others are shown."""

    # What ``code_colours`` finds in a code block.
    KEYWORD = "code-keyword"
    NAME = "code-name"
    STRING = "code-string"
    NUMBER = "code-number"
    COMMENT = "code-comment"


class StyleSpan(NamedTuple):
    """The characters ``start`` to ``end`` (exclusive) of ``SafeText.plain``. Spans nest; they never cross."""

    start: int
    end: int
    kind: StyleKind


Ranges = Sequence[tuple[int, int]]

_ACTION: Final = "/me "
_MAY_FORMAT: Final = re.compile(r"[*_~|`]|^(?:/me |[\s\u2800]{0,8}(?:[->]|\d))", re.MULTILINE)
"""Characters of which every formatted text has one: other text, most of a chat, costs one search."""
_FENCE: Final = re.compile(r" {0,3}(?P<fence>`{3,})(?P<language>[\w+#.-]{0,20}) *", re.ASCII)
_QUOTE: Final = re.compile(r"[\s\u2800]{0,3}>(?:[\s\u2800]?>)?(?:[\s\u2800]+(?=[^\s\u2800])|[\s\u2800]*$)")
"""With any blank (Braille has one, too): a `>` and a gap are what the client draws before a reply's quote."""
_ITEM: Final = re.compile(r" {0,8}(?:(?P<bullet>[-*])|\d{1,3}[.)]) +(?=\S)")
_TOKEN: Final = re.compile(r"`+|\*+|_+|~+|\|+")
_KINDS: Final[dict[str, tuple[StyleKind, ...]]] = {
    "*": (StyleKind.ITALIC,),
    "_": (StyleKind.ITALIC,),
    "**": (StyleKind.BOLD,),
    "***": (StyleKind.BOLD, StyleKind.ITALIC),
    "~~": (StyleKind.STRIKE,),
    "||": (StyleKind.SPOILER,),
}
_ADDRESS: Final = re.compile(r"://|\bwww\.|\bmailto:")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_LONGEST_SCHEME: Final = 32
_NOT_OF_ADDRESS: Final = "`*_~|.,:;!?)]}'\""
"""Characters that belong to the sentence around an address if they end it."""
_SPACE: Final = re.compile(r"\s")
_INK: Final = re.compile(r"[^\W_]|[^\x00-\x7f]")
"""Something worth a style: formatting of punctuation alone is mostly a face or a line."""
_BEFORE: Final = frozenset("([{<\"'")
_AFTER: Final = frozenset(".,:;!?)]}>\"'-")


def formatted(safe: SafeText, *, markup: bool = True) -> Sequence[StyleSpan]:
    """Return the spans of a text, those that begin earlier or reach further first.

    Without ``markup``, only links are recognised.
    """
    links = [StyleSpan(link.start, link.end, StyleKind.LINK) for link in find_links(safe)]
    text = safe.plain
    if not markup or _MAY_FORMAT.search(text) is None:
        return links
    spans = [*_blocks(text, links), *links]
    spans.sort(key=lambda span: (span.start, -span.end))  # stable: equal ones stay as they were made
    return spans


def code_blocks(safe: SafeText) -> Sequence[StyleSpan]:
    """Return where code is, without its fences."""
    return [span for span in formatted(safe) if span.kind is StyleKind.CODE_BLOCK]


def preview(untrusted: str, cover: str = "") -> str:
    """Return a text for where it is only quoted or listed: as it was sent, but with its spoilers covered."""
    if "||" not in untrusted:
        return untrusted
    cover = cover or _("[spoiler]")
    safe = safe_text(untrusted)
    text, at, parts = safe.plain, 0, list[str]()
    for start, end, kind in formatted(safe):
        if kind is StyleKind.SPOILER and start >= at:
            parts += text[at:start], cover
            at = end
    return "".join([*parts, text[at:]])


# --- lines


def _blocks(text: str, links: Sequence[StyleSpan]) -> Iterator[StyleSpan]:
    lines = text.split("\n")
    number = start = 0
    quoted = False
    literal = [(link.start, link.end) for link in links]
    if (
        text.startswith(_ACTION)
        and _INK.search(lines[0], len(_ACTION))
        and _may_part(" ", "", lines[0][len(_ACTION)])
    ):
        yield StyleSpan(0, len(text), StyleKind.ACTION)
        yield StyleSpan(0, len(_ACTION), StyleKind.MARKER)
        yield from _inline(lines[0], 0, len(_ACTION), literal)
        number, start = 1, len(lines[0]) + 1
    while number < len(lines):
        line = lines[number]
        if "`" in line and (block := _code_block(lines, number, start)):
            spans, count = block
            yield from spans
            start += sum(len(following) + 1 for following in lines[number : number + count])
            number += count
            quoted = False
            continue
        cited = _QUOTE.match(line)
        if cited and (cited.end() < len(line) or quoted):
            yield from _quote(line, start, cited, literal)
        elif item := _ITEM.match(line):
            yield StyleSpan(start, start + item.end(), StyleKind.LEAD)
            if item["bullet"]:
                at = start + item.start("bullet")
                yield StyleSpan(at, at + 1, StyleKind.BULLET)
            yield from _inline(line, start, item.end(), literal)
        else:
            yield from _inline(line, start, 0, literal)
        quoted = cited is not None
        start += len(line) + 1
        number += 1


def _quote(line: str, start: int, cited: re.Match[str], literal: Ranges) -> Iterator[StyleSpan]:
    yield StyleSpan(start, start + len(line), StyleKind.CITED)
    yield StyleSpan(start, start + cited.end(), StyleKind.LEAD)
    for at in range(cited.end()):
        if line[at] == ">":
            yield StyleSpan(start + at, start + at + 1, StyleKind.BAR)
    yield from _inline(line, start, cited.end(), literal)


def _code_block(lines: Sequence[str], number: int, start: int) -> tuple[list[StyleSpan], int] | None:
    """Return the spans of a code block that begins with this line, and how many lines it takes.

    A block without an end reaches to the end of the text: it was cut off.
    """
    opening = _FENCE.fullmatch(lines[number])
    if opening is None:
        return None
    at = first = start + len(lines[number]) + 1
    end, closing = first, None
    count = 1
    for line in lines[number + 1 :]:
        count += 1
        bare = line.rstrip(" ")
        body = bare.rstrip("`")
        if bare.endswith(opening["fence"]) and _may_part(body[-1:], "`", ""):
            end = at + len(body) if body.strip() else max(first, at - 1)
            closing = StyleSpan(end if body.strip() else at, at + len(line), StyleKind.MARKER)
            break
        at += len(line) + 1
        end = at - 1
    if not any(line.strip() for line in lines[number + 1 : number + count - (closing is not None)]) and (
        closing is None or closing.start == at
    ):
        return None  # there is no code in it
    spans = [
        StyleSpan(start, first - 1, StyleKind.FENCE),
        StyleSpan(start, start + opening.end("fence"), StyleKind.MARKER),
        StyleSpan(first, end, StyleKind.CODE_BLOCK),
    ]
    return [*spans, closing] if closing is not None else spans, count


# --- within a line


class _Token(NamedTuple):
    """A run of one marker character."""

    start: int
    end: int
    before: str
    """The last character before it that is of no token; empty at the beginning."""
    after: str


def _inline(line: str, start: int, begin: int, literal: Ranges) -> Iterator[StyleSpan]:
    """Yield the spans within one line from ``begin`` on; ``start`` is where the line begins in the text.

    Markers within a ``literal`` range of the text, or within another address, are part of it.
    """
    tokens = _tokens(line, begin)
    if len(tokens) < 2:  # noqa: PLR2004 - one to begin, one to end
        return
    taken = [token for token in tokens if line[token.start - 1 : token.start] != "\\"]
    if addresses := _addresses(line, start, begin, literal):
        taken = list(_outside(addresses, taken))
    after_code = begin
    emphasis: list[_Token] = []
    code_ends = _same_run_after(line, tokens)
    for token in taken:
        if token.start < after_code:
            continue
        if line[token.start] != "`":
            emphasis.append(token)
        elif (end := code_ends.get(token.start)) is not None and _is_code(line, token, end):
            yield from _around(token, end, (StyleKind.CODE,), start)
            after_code = end.end
    yield from _emphasis(line, start, emphasis)


def _emphasis(line: str, start: int, tokens: Sequence[_Token]) -> Iterator[StyleSpan]:
    opened: dict[str, _Token] = {}  # in the order in which they began; one of each, so a lookup is enough
    for token in tokens:
        run = line[token.start : token.end]
        if run not in _KINDS:
            continue
        ends = run in opened and _can_end(token)
        opening = _close(opened, run) if ends else token
        if ends and _has_ink(line[opening.end : token.start]):
            yield from _around(opening, token, _KINDS[run], start)
        elif _can_begin(token):
            opened.pop(run, None)
            opened[run] = token


def _around(opening: _Token, closing: _Token, kinds: Sequence[StyleKind], start: int) -> Iterator[StyleSpan]:
    yield StyleSpan(start + opening.start, start + opening.end, StyleKind.MARKER)
    for kind in kinds:
        yield StyleSpan(start + opening.end, start + closing.start, kind)
    yield StyleSpan(start + closing.start, start + closing.end, StyleKind.MARKER)


def _close(opened: dict[str, _Token], run: str) -> _Token:
    """Take out the run that began, and what began within it and did not end: that stays text."""
    while True:
        name, token = opened.popitem()
        if name == run:
            return token


def _tokens(line: str, begin: int) -> list[_Token]:
    """Return the runs of marker characters, with the nearest other characters around each."""
    ranges = [match.span() for match in _TOKEN.finditer(line, begin)]
    afters = [""] * len(ranges)
    for index in range(len(ranges) - 1, -1, -1):
        end = ranges[index][1]
        touches = index + 1 < len(ranges) and ranges[index + 1][0] == end
        afters[index] = afters[index + 1] if touches else line[end : end + 1]
    tokens: list[_Token] = []
    for (start, end), after in zip(ranges, afters, strict=True):
        touches = bool(tokens) and tokens[-1].end == start
        before = tokens[-1].before if touches else line[max(begin, start - 1) : start]
        tokens.append(_Token(start, end, before, after))
    return tokens


def _same_run_after(line: str, tokens: Sequence[_Token]) -> dict[int, _Token]:
    """Return, by where a run of backticks begins, the next one of the same length."""
    next_of: dict[int, _Token] = {}
    found: dict[int, _Token] = {}
    for token in reversed(tokens):
        if line[token.start] == "`":
            length = token.end - token.start
            if length in next_of:
                found[token.start] = next_of[length]
            next_of[length] = token
    return found


def _addresses(line: str, start: int, begin: int, literal: Ranges) -> Ranges:
    """Return where links and other addresses are in a line: their underscores and stars are part of them."""
    if ":" not in line and "www." not in line:
        return ()
    found: list[tuple[int, int]] = []
    for low, high in islice(literal, bisect_left(literal, (start, 0)), None):
        if low >= start + len(line):
            break
        found.append((low - start, high - start))
    end = begin
    while match := _ADDRESS.search(line, end):
        low = match.start()
        if match.group() == "://":
            scheme = _SCHEME.search(line[max(end, low - _LONGEST_SCHEME) : low])
            low -= len(scheme.group()) if scheme else 0
        space = _SPACE.search(line, match.end())
        end = space.start() if space else len(line)
        found.append((low, low + len(line[low:end].rstrip(_NOT_OF_ADDRESS))))
    return sorted(found)


def _outside(ranges: Ranges, tokens: Sequence[_Token]) -> Iterator[_Token]:
    index = end = 0
    for token in tokens:
        while index < len(ranges) and ranges[index][0] <= token.start:
            end = max(end, ranges[index][1])
            index += 1
        if token.start >= end:
            yield token


def _is_code(line: str, opening: _Token, closing: _Token) -> bool:
    code = line[opening.end : closing.start]
    return (
        _is_seen(code)
        and _may_part(opening.before, "`", code[0])
        and _may_part(code[-1], "`", closing.after)
        and _may_part(opening.before, "", code[0])
        and _may_part(code[-1], "", closing.after)
    )


def _can_begin(token: _Token) -> bool:
    before, after = token.before, token.after
    if not after or after.isspace():
        return False
    return (
        not before or before.isspace() or before in _BEFORE or _lets_touch(before, "Ps", "Pi")
    ) and _may_part(before, "*", after)


def _can_end(token: _Token) -> bool:
    before, after = token.before, token.after
    if not before or before.isspace():
        return False
    return (not after or after.isspace() or after in _AFTER or _lets_touch(after, "Pe", "Pf")) and _may_part(
        before, "*", after
    )


def _lets_touch(char: str, *brackets: str) -> bool:
    """Say whether a marker may touch it: a letter of a script without spaces or capitals, punctuation."""
    if char.isascii():
        return False
    import unicodedata  # noqa: PLC0415 - ASCII never pays for the tables

    return unicodedata.category(char) in {"Lo", "Po", "Pd", *brackets}


def _may_part(before: str, marker: str, after: str) -> bool:
    """Say whether the characters stay apart from the marker, and from each other without it."""
    if (before + after).isascii():
        return True
    return all(
        not first or not second or len(list(clusters(first + second))) > 1
        for first, second in ((before, marker), (marker, after), (before, after))
    )


def _has_ink(content: str) -> bool:
    return _INK.search(content) is not None and _is_seen(content)


def _is_seen(content: str) -> bool:
    """Say whether there is something to see without the markers around it."""
    if content.isascii():
        return bool(content.strip())
    return unicode_data.blank_line().fullmatch(content) is None
