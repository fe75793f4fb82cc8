"""Read the generated data files: compiled character classes, and what kind a code point is.

Everything is read and parsed on first use and kept, so that a program which only meets ASCII never pays for
it; the memory is bounded by the number of pages of Unicode, whatever a peer sends. Nothing here decides:
`line_classifier.py` and `forbidden.py` call it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

_PAGE: Final = 256
_INVISIBLE: Final = "\u200b-\u200f\u061c"


class Kind(IntEnum):
    """The condition for showing a code point."""

    HIDDEN = 0
    """Never shown as itself; also every code point that no table names."""
    PLAIN = 1
    NONSPACING = 2
    SPACING = 3
    ENCLOSING = 4
    PICTOGRAPH = 5
    TONE = 6
    JAMO_L = 7
    JAMO_V = 8
    JAMO_T = 9
    PREPENDED = 10
    EMOJI_VARIATION = 11
    VARIATION = 12
    """A selector of registered sequences: of ideographs, and of a few other characters."""
    MONGOLIAN_VARIATION = 13
    MONGOLIAN_SEPARATOR = 14
    JOINER = 15
    """ZWJ and ZWNJ."""
    ZERO_WIDTH_SPACE = 16
    DIRECTION_MARK = 17
    TAB = 18
    REGIONAL = 19
    INKLESS = 20
    """A mark without ink of its own, which means something only among letters of its script."""


_TABLE_OF_KIND: Final = {
    Kind.PLAIN: "PLAIN",
    Kind.NONSPACING: "MARKS_NONSPACING",
    Kind.SPACING: "MARKS_SPACING",
    Kind.ENCLOSING: "MARKS_ENCLOSING",
    Kind.PICTOGRAPH: "PICTOGRAPHS",
    Kind.JAMO_L: "JAMO_L",
    Kind.JAMO_V: "JAMO_V",
    Kind.JAMO_T: "JAMO_T",
    Kind.PREPENDED: "PREPENDED",
    Kind.INKLESS: "INKLESS",
}
_RANGES_OF_KIND: Final = {
    Kind.TONE: "1F3FB-1F3FF",
    Kind.EMOJI_VARIATION: "FE0E-FE0F",
    Kind.VARIATION: "FE00-FE02 E0100-E011F",
    Kind.MONGOLIAN_VARIATION: "180B-180D 180F",
    Kind.MONGOLIAN_SEPARATOR: "180E",
    Kind.JOINER: "200C-200D",
    Kind.ZERO_WIDTH_SPACE: "200B",
    Kind.DIRECTION_MARK: "061C 200E-200F",
    Kind.TAB: "0009",
    Kind.REGIONAL: "1F1E6-1F1FF",
}
_KIT: Final = Path(__file__).parents[1]
_FIRST_IDEOGRAPHIC: Final = 0xE0100
BLACK_FLAG: Final = "\U0001f3f4"
FLAG_TAGS: Final = tuple(
    "".join(chr(0xE0000 | ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""The tags that make the black flag that of England, Scotland or Wales."""


@cache
def read_tables(file: str) -> dict[str, str]:
    """Read a generated file, such as `names/confusables.txt`: its tables by name, as they are written."""
    tables: dict[str, str] = {}
    name = ""
    for line in _KIT.joinpath(file).read_text("utf-8").splitlines():
        if line.startswith(" "):
            tables[name] += line
        elif not line.startswith("#"):
            name = line
            tables[name] = ""
    return tables


def table(name: str) -> str:
    """Return a table of the text rule, as it is written."""
    return read_tables("text/character_classes.txt")[name]


def _tables_of(file: str, kind: str) -> dict[str, str]:
    """Return the tables `kind …` of a file by the rest of their names, in the order of the file."""
    named = read_tables(f"text/{file}")
    return {name.removeprefix(f"{kind} "): named[name] for name in named if name.startswith(f"{kind} ")}


@cache
def _scripts() -> dict[str, str]:
    return _tables_of("character_classes.txt", "SCRIPT")


def kind_ranges() -> dict[Kind, str]:
    """Return the ranges of each kind but `HIDDEN`."""
    return {kind: table(name) for kind, name in _TABLE_OF_KIND.items()} | _RANGES_OF_KIND


def parse(ranges: str) -> Iterator[tuple[int, int]]:
    """Yield the (first, last) pairs of a table such as `0041-005A 00AA`."""
    for item in ranges.split():
        first, _, last = item.partition("-")
        yield int(first, 16), int(last or first, 16)


def class_body(ranges: str) -> str:
    """Return the inside of a regular expression's brackets for a table."""
    return "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in parse(ranges))


@cache
def plain_run() -> re.Pattern[str]:
    """Return the pattern of a run of code points that are shown anywhere."""
    return re.compile(f"[{class_body(table('PLAIN'))}]+")


@cache
def one_of(name: str) -> re.Pattern[str]:
    """Return the pattern of one code point of the named table."""
    return re.compile(f"[{class_body(table(name))}]")


@cache
def blank_line() -> re.Pattern[str]:
    """Return the pattern of a text in which there is nothing to see, invisible characters included."""
    return re.compile(f"[{class_body(table('BLANK'))}{_INVISIBLE}]*")


def is_blank(char: str) -> bool:
    """Tell a character that has a width and no ink: a space of any kind, or a letter drawn as nothing."""
    return one_of("BLANK").match(char) is not None


class _Pages:
    """A map from code point to small number, unfolded page by page from ranges.

    A page of 256 numbers is built when a code point of it is first asked for: at most 4,352 pages.
    """

    def __init__(self, ranges: list[tuple[int, int, int]]) -> None:
        self._ranges = sorted(ranges)
        self._ends = [last for _, last, _ in self._ranges]  # ascending too: no two ranges overlap
        self._pages: dict[int, bytes] = {}

    def __call__(self, point: int) -> int:
        page = self._pages.get(point >> 8)
        if page is None:
            page = self._pages[point >> 8] = self._unfold(point & ~0xFF)
        return page[point & 0xFF]

    def _unfold(self, start: int) -> bytes:
        page = bytearray(_PAGE)
        end = start + _PAGE - 1
        for first, last, number in islice(self._ranges, bisect_left(self._ends, start), None):
            if first > end:
                break
            low, high = max(first, start), min(last, end)
            page[low - start : high - start + 1] = bytes([number]) * (high - low + 1)
        return bytes(page)


@cache
def kinds() -> _Pages:
    """Return the map from code point to `Kind`."""
    return _Pages(
        [(first, last, kind) for kind, ranges in kind_ranges().items() for first, last in parse(ranges)]
    )


def is_registered(base: int, selector: int) -> bool:
    """Tell whether a variation selector (FE00-FE02, E0100 and up) is registered for this character."""
    if selector >= _FIRST_IDEOGRAPHIC:
        return selector - _FIRST_IDEOGRAPHIC < _ideographic_variations()(base)
    return _standardized_variations(f"{selector:04X}").match(chr(base)) is not None


@cache
def _ideographic_variations() -> _Pages:
    """Return the map from ideograph to the number of its registered selectors."""
    return _Pages(
        [
            (first, last, int(count))
            for count, ideographs in _tables_of("variation_sequences.txt", "IDEOGRAPHIC").items()
            for first, last in parse(ideographs)
        ]
    )


@cache
def _standardized_variations(selector: str) -> re.Pattern[str]:
    return re.compile(f"[{class_body(_tables_of('variation_sequences.txt', 'STANDARDIZED')[selector])}]")


@cache
def scripts() -> _Pages:
    """Return the map from code point to script number; 0 is a script in which no joiner has a place."""
    return _Pages(
        [
            (first, last, number)
            for number, letters in enumerate(_scripts().values(), start=1)
            for first, last in parse(letters)
        ]
    )


def _number(script: str) -> int:
    return list(_scripts()).index(script) + 1


@cache
def joining_scripts() -> frozenset[int]:
    """Return the numbers of the scripts whose letters join, so that ZWJ and ZWNJ mean something."""
    return frozenset(map(_number, table("JOINING_SCRIPTS").split()))


@cache
def spaceless_scripts() -> frozenset[int]:
    """Return the numbers of the scripts written without spaces, in which ZWSP shows where words end."""
    return frozenset(map(_number, table("SPACELESS_SCRIPTS").split()))


@cache
def run_to_spaceless() -> re.Pattern[str]:
    """Return the pattern of words, signs and ZWSP up to a character of a script without spaces, its group."""
    spaceless = "".join(class_body(_scripts()[name]) for name in table("SPACELESS_SCRIPTS").split())
    return re.compile(rf"(?:[^\W_]|[{class_body(table('WORD_EDGES'))}\u200b])*?([{spaceless}])")


@cache
def arabic() -> int:
    """Return the number of the Arabic script."""
    return _number("Arab")


@cache
def mongolian() -> int:
    """Return the number of the Mongolian script."""
    return _number("Mong")
