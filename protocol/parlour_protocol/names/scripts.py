"""Whether the letters of a name belong together: UTS #39 single script, and one kind of digits.

It knows the code points that UTS #39 allows in identifiers, up to the Unicode version of the oldest Python
that is supported, so that every server gives the same answer. `discipline.py` calls it, for names with a
character beyond ASCII only.
"""

import unicodedata
from functools import cache

from parlour_protocol.names import script_table
from parlour_protocol.names.errors import NameReason, NameRefusedError
from parlour_protocol.text.ranges import parse

_ScriptSets = list[tuple[int, int, frozenset[str] | None]]


@cache
def _script_sets() -> _ScriptSets:
    """Return (first, last, scripts); None stands for a character that every script uses."""
    return [
        (first, last, frozenset(key.split()) if key else None)
        for key, table in script_table.SCRIPT_SETS.items()
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


def require_one_script(name: str) -> None:
    """Raise NameRefusedError unless every character is allowed and one script holds them all."""
    common: frozenset[str] | None = None
    zeros: set[int] = set()
    for char in name:
        page = _scripts_of_page(ord(char) >> 8)
        if ord(char) not in page:
            raise NameRefusedError(NameReason.CHARACTERS)
        scripts = page[ord(char)]
        if scripts is not None:
            common = scripts if common is None else common & scripts
        if char.isdecimal():
            zeros.add(ord(char) - unicodedata.decimal(char))
    # UTS #39 5.1 and 5.3: Cyrillic letters inside Latin, two kinds of digits
    if (common is not None and not common) or len(zeros) > 1:
        raise NameRefusedError(NameReason.MIXED_SCRIPTS)
