"""Words and phrases of a list, as whole words whatever their case, width, accents or look-alike letters.

An entry may be a phrase or an address: `project falcon`, `ada@example.org`. It is found if the same words
follow each other, whatever punctuation stands between them. A word that someone spells with spaces between
its letters, or abbreviates, is not found.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

from parlour_protocol.kit.text.unicode_data import read_tables

ENTRIES: Final = 2_000
WORDS_OF_ENTRY: Final = 8
_WORD: Final = re.compile(r"\w+")
_Words = tuple[str, ...]


class WordList:
    """The entries, ready to be looked up."""

    __slots__ = ("_by_first", "entries")

    def __init__(self, entries: Iterable[str]) -> None:
        """Take the entries; lines that are empty or begin with `#` are left out. Raises ValueError."""
        lines = (line.strip() for line in entries)
        self.entries: Final = tuple(line for line in lines if line and not line.startswith("#"))
        if len(self.entries) > ENTRIES:
            raise ValueError(f"a word list has at most {ENTRIES} entries")
        self._by_first: dict[str, set[_Words]] = {}
        for entry in self.entries:
            words = tuple(map(_look, _WORD.findall(entry)))
            if not 0 < len(words) <= WORDS_OF_ENTRY:
                raise ValueError(f"an entry of a word list has 1 to {WORDS_OF_ENTRY} words")
            self._by_first.setdefault(words[0], set()).add(words)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return where entries are in a folded text."""
        if not self._by_first:
            return []
        if text.isascii() and self._by_first.keys().isdisjoint(_WORD.findall(text.lower())):
            return []
        matches = list(_WORD.finditer(text))
        looks = [_look(match[0]) for match in matches]
        found: list[tuple[int, int]] = []
        for at, first in enumerate(looks):
            found += [
                (matches[at].start(), matches[at + len(words) - 1].end())
                for words in self._by_first.get(first, ())
                if tuple(looks[at : at + len(words)]) == words
            ]
        return found


NO_WORDS: Final = WordList(())


def _look(word: str) -> str:
    """Return what a word is compared by."""
    folded = word.casefold()
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFD", folded).translate(_look_alikes())


@cache
def _look_alikes() -> dict[int, str]:
    """Return what look-alike letters become: the table of names (UTS #39), without accents."""
    confusables = read_tables("parlour_protocol.kit.names", "confusables.txt")["CONFUSABLES"]
    table = dict.fromkeys(range(0x0300, 0x0370), "")
    for source, _, target in (pair.partition(">") for pair in confusables.split()):
        become = "".join(chr(int(point, 16)) for point in target.split("+"))
        if int(source, 16) > 127 and become.isascii():  # noqa: PLR2004 - ASCII
            table[int(source, 16)] = become.casefold()
    return table
