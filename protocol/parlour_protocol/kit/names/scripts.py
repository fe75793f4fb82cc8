"""Checks the scripts of a name: UTS #39 Highly Restrictive, and one kind of digits.

That is one script, or what is written together: Latin with Japanese, with Chinese and Bopomofo, or with
Korean. It knows the code points that UTS #39 allows in identifiers, up to the Unicode version of the oldest
Python that is supported, so that every server gives the same answer. `canonical.py` calls it, for names with
a character beyond ASCII only.
"""

import unicodedata
from functools import cache
from typing import Final

from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.text.unicode_data import parse, read_tables

_WRITTEN_TOGETHER: Final = (
    frozenset({"Latn", "Jpan"}),
    frozenset({"Latn", "Hanb"}),
    frozenset({"Latn", "Kore"}),
)
_IN_CONTEXT: Final = {
    0x200C: None,
    0x200D: None,
    0x00B7: frozenset({"Latn"}),
    0x05F3: frozenset({"Hebr"}),
    0x05F4: frozenset({"Hebr"}),
    0x30FB: frozenset({"Jpan"}),
}
"""Joiners, and signs inside words (gal·la, רמב״ם, ジョン・スミス), with their scripts.

PRECIS has checked their context (RFC 5892 appendix A); by themselves they say nothing about a script.
"""
_ScriptSets = list[tuple[int, int, frozenset[str] | None]]


@cache
def _script_sets() -> _ScriptSets:
    """Return (first, last, scripts); None is for a character that every script uses."""
    return [
        (first, last, None if name == "SCRIPTS COMMON" else frozenset(name.split()[1:]))
        for name, table in read_tables("names/name_scripts.txt").items()
        if name.startswith("SCRIPTS ")
        for first, last in parse(table)
    ]


@cache
def _scripts_of_page(page: int) -> dict[int, frozenset[str] | None]:
    """Return the allowed code points of 256 with their scripts; bounded by the number of pages."""
    start = page << 8
    return {
        point: scripts
        for first, last, scripts in _script_sets()
        for point in range(max(first, start), min(last, start + 255) + 1)
    }


def require_scripts_that_belong_together(name: str) -> None:
    """Raise NameRefusedError unless every character is allowed and the scripts are written together."""
    sets = [scripts for scripts in map(_scripts_of, name) if scripts is not None]
    zeros = {ord(char) - unicodedata.decimal(char) for char in name if char.isdecimal()}
    # UTS #39 5.1 to 5.3: Cyrillic letters inside Latin, two kinds of digits
    if not (_are_one_script(sets) or _are_written_together(sets)) or len(zeros) > 1:
        raise NameRefusedError(NameReason.MIXED_SCRIPTS)


def _scripts_of(char: str) -> frozenset[str] | None:
    point = ord(char)
    if point in _IN_CONTEXT:
        return _IN_CONTEXT[point]
    page = _scripts_of_page(point >> 8)
    if point not in page:
        raise NameRefusedError(NameReason.CHARACTERS)
    return page[point]


def _are_one_script(sets: list[frozenset[str]]) -> bool:
    return not sets or bool(frozenset.intersection(*sets))


def _are_written_together(sets: list[frozenset[str]]) -> bool:
    return any(all(scripts & together for scripts in sets) for together in _WRITTEN_TOGETHER)
