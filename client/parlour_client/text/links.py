"""Links in a message: where they are in the shown text. Only http, https and mailto are links.

It is a function of the text: nothing is fetched, opened or made active.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.text import SafeText

_SCHEME: Final = re.compile(r"(?<![A-Za-z0-9+.\-])(?:https?://|mailto:)", re.IGNORECASE)
_STOPS: Final = frozenset(
    '<>"`|\\^“”„«»‹›—–―…‥،؛؟۔।॥'  # noqa: RUF001 - punctuation of many scripts is the matter here
    "，。、；：？！「」『』（）【】《》〈〉〔〕［］｛｝｢｣､｡"  # noqa: RUF001
)
_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}
_KEPT_AT_THE_END: Final = frozenset("/-_=+~&#%$@*")
_BEGINNING_MARK: Final = re.compile(r"(?:^|(?<=[\s(\[{\"'*_~|]))[*_~|']")
"""A mark that people put around a link or its sentence: it takes the same one off the end of the link."""
_WRITTEN_WITHOUT_SPACES: Final = frozenset(
    ("Cjk", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar")
)


@dataclass(frozen=True, slots=True)
class Link:
    """One link, as a stretch of `SafeText.plain`."""

    start: int
    end: int
    text: str
    """The address as it is written."""
    label: str = ""
    """The text before it, `[bank.example](https://…)`, which could pass for its address."""
    hides: bool = False
    """The text has hidden characters in it, which are shown as escapes."""


def find_links(safe: SafeText) -> tuple[Link, ...]:
    """Return the links of a text, in order; in time linear to its length."""
    found: list[Link] = []
    at = 0
    for spans in safe.spans:
        line = "".join(span.text for span in spans)
        if ":" in line and _SCHEME.search(line):
            escapes: list[tuple[int, int]] = []
            column = 0
            for span in spans:
                if span.is_escape:
                    escapes.append((column, column + len(span.text)))
                column += len(span.text)
            found += _links_of_line(line, escapes, at)
        at += len(line) + 1
    return tuple(found)


def _links_of_line(line: str, escapes: list[tuple[int, int]], offset: int) -> Iterator[Link]:
    hidden = dict(escapes)
    hidden_before = {stop: begin for begin, stop in escapes}
    marks: set[str] = set()
    at = 0
    while (scheme := _SCHEME.search(line, at)) is not None:
        start = scheme.start()
        end = _end_of(line, scheme.end(), hidden)
        marks |= {mark.group() for mark in _BEGINNING_MARK.finditer(line, at, start)}
        end = _trimmed(line, marks, scheme.end(), end, hidden_before)
        at = max(end, scheme.end())
        text = line[start:end]
        if _is_address(text, scheme.end() - start):
            hides = any(start <= first < end for first, _last in escapes)
            yield Link(offset + start, offset + end, text, _label_before(line, start), hides)


def _end_of(line: str, start: int, hidden: dict[int, int]) -> int:
    """Return where an address ends: before a space, a stop, or a bracket that closes nothing."""
    depth = dict.fromkeys(_CLOSERS.values(), 0)
    in_host = True
    at = start
    while at < len(line):
        if at in hidden:
            at = hidden[at]
            continue
        char = line[at]
        if char in _STOPS or char.isspace() or (_is_symbol(char) and not in_host):
            break
        in_host = in_host and char not in "/?#"
        if char in depth:
            depth[char] += 1
        elif char in _CLOSERS:
            if not depth[_CLOSERS[char]]:
                break
            depth[_CLOSERS[char]] -= 1
        at += 1
    return _end_in_host(line, start, at)


def _end_in_host(line: str, start: int, end: int) -> int:
    """Return where a host ends that a text without spaces follows: `https://example.com을` (a particle)."""
    first = next((at for at in range(start, end) if line[at] in "/?#"), end)
    label = line.rfind(".", start, first) + 1
    if label == 0:
        return end
    at = label
    while at < first and line[at].isascii() and line[at].isalpha():
        at += 1
    follows = at < first and (_is_symbol(line[at]) or script_of(line[at]) in _WRITTEN_WITHOUT_SPACES)
    return at if follows and at >= label + 2 else end


def _is_symbol(char: str) -> bool:
    return char > "\x7f" and unicodedata.category(char) == "So"


def _trimmed(line: str, marks: set[str], start: int, end: int, hidden_before: dict[int, int]) -> int:
    """Return the end without the punctuation of the sentence, and without hidden characters at the end."""
    while end > start:
        if end in hidden_before:
            end = hidden_before[end]
            continue
        char = line[end - 1]
        if char in marks:
            end -= 1
        elif char in _KEPT_AT_THE_END or char in _CLOSERS or unicodedata.category(char)[0] not in "PC":
            break
        else:
            end -= 1
    return end


def _is_address(text: str, scheme: int) -> bool:
    rest = text[scheme:]
    if text[:scheme].lower() == "mailto:":
        name, at, host = rest.partition("?")[0].partition("@")
        return bool(name and at and host)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return bool(authority) and (authority[0].isalnum() or authority[0] in "[_%⟦" or authority[0] > "\x7f")


def _label_before(line: str, start: int) -> str:
    """Return the words of `[words](https://…)`; at most 200 characters."""
    if not line.endswith("](", 0, start):
        return ""
    opened = line.rfind("[", max(0, start - 202), start - 2)
    return line[opened + 1 : start - 2] if opened >= 0 else ""


def script_of(char: str) -> str:
    """Return the script of a letter as its Unicode name says it: Latin, Cyrillic."""
    return unicodedata.name(char, "?").split(" ", 1)[0].split("-", 1)[0].capitalize()
