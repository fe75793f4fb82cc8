"""The skeleton of a name (UTS #39 section 4): two names with one skeleton cannot both exist.

It goes further than UTS #39 in three places, towards refusing: case is folded as Unicode folds it
(`straße` is `strasse`), marks above and below letters of European scripts and the vowel signs and hamzas of
Arabic are dropped, and `i` counts as `l`, `w` as `vv`. What cannot be seen (joiners) is dropped, as there. A
skeleton is for comparing and is never shown. The server stores it beside the name; `reserved.py` compares
with it. A change of what this returns needs a migration that computes the stored ones again.
"""

import unicodedata
from functools import cache
from typing import Final, NewType

Skeleton = NewType("Skeleton", str)
"""The look of a name: names with equal skeletons look alike."""

# What the table says about ASCII, so that an ASCII name need not load it (a test holds the two equal).
_ASCII: Final = str.maketrans({"0": "o", "1": "l", "m": "rn", "i": "l", "w": "vv"})
_STACKED_MARKS: Final = (
    range(0x0300, 0x0370),
    range(0x0610, 0x061B),
    range(0x064B, 0x0660),
    range(0x0670, 0x0671),
    range(0x06D6, 0x06EE),
    range(0x08CA, 0x0900),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
)


def skeleton(name: str) -> Skeleton:
    """Return the skeleton of a canonical name."""
    if name.isascii():
        return Skeleton(name.lower().translate(_ASCII))
    shape, before = name, ""
    while shape != before:  # a prototype, once folded, may have a prototype of its own
        shape, before = _step(shape), shape
    return Skeleton(shape)


def ascii_look_alike(text: str) -> str | None:
    """Return the ASCII text that this one, which isn't ASCII, can be taken for; None if there is none."""
    if text.isascii():
        return None
    found = "".join(_ascii_of(char) for char in text.casefold())
    return found if found.isascii() else None


def _ascii_of(char: str) -> str:
    """Return what a letter looks like: its prototype, or the letter below its marks."""
    parts = unicodedata.normalize("NFD", char)
    shape = "".join(part if part.isascii() else _prototypes().get(part, part) for part in parts)
    return "".join(part for part in unicodedata.normalize("NFD", shape) if not _is_dropped(part))


def _step(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.casefold())
    mapped = "".join(_prototypes().get(char, char) for char in decomposed)
    folded = unicodedata.normalize("NFD", mapped.casefold())
    return "".join(char for char in folded if not _is_dropped(char)).translate(_ASCII)


def _is_dropped(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind == "Cf" or (kind in {"Mn", "Me"} and any(ord(char) in block for block in _STACKED_MARKS))


@cache
def _prototypes() -> dict[str, str]:
    from parlour_protocol.kit.text.unicode_data import read_tables  # noqa: PLC0415 - ASCII never needs it

    confusables = read_tables("names/confusables.txt")["CONFUSABLES"]
    pairs = (pair.split(">") for pair in confusables.split())
    return {
        chr(int(source, 16)): "".join(chr(int(point, 16)) for point in target.split("+"))
        for source, target in pairs
    }
