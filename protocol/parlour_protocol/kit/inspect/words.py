"""Words and phrases of a list, as whole words whatever their case, width, accents or look-alike letters.

An entry may be a phrase or an address: `project falcon`, `ada@example.org`. It is found if the same words
follow each other, whatever punctuation stands between them, also as English plurals and with a line break
inside. A word that someone spells with spaces between its letters, or abbreviates, is not found.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import cache
from typing import Final

from parlour_protocol.kit.inspect.folding import fold
from parlour_protocol.kit.text.unicode_data import read_tables

ENTRIES: Final = 2_000
WORDS_OF_ENTRY: Final = 8
_WORD: Final = re.compile(r"[^\W_]+")
_HYPHENS: Final = ("-", "\u2010", "\u2011", "\u00ac")


class _Node:
    """Where the words of an entry lead: to the next word, or to an end."""

    __slots__ = ("ends", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.ends = False


class WordList:
    """The entries, ready to be looked up."""

    __slots__ = ("_beginnings", "_first", "entries")

    def __init__(self, entries: Iterable[str]) -> None:
        """Take the entries; lines that are empty or begin with `#` are left out. Raises ValueError."""
        lines = (line.strip() for line in entries)
        self.entries: Final = tuple(line for line in lines if line and not line.startswith("#"))
        if len(self.entries) > ENTRIES:
            raise ValueError(f"a word list has at most {ENTRIES} entries")
        self._first: Final = _Node()
        for entry in self.entries:
            words = [_look(word) for word in _WORD.findall(fold(entry))]
            if not 0 < len(words) <= WORDS_OF_ENTRY:
                raise ValueError(f"an entry of a word list has 1 to {WORDS_OF_ENTRY} words")
            node = self._first
            for word in words:
                node = node.next.setdefault(word, _Node())
            node.ends = True
        plurals = (
            form for word in self._first.next for form in (word, f"{word}s", f"{word}es", f"{word[:-1]}ies")
        )
        self._beginnings: Final = frozenset(plurals)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return where entries are in a folded text."""
        found = self._in(text)
        if "\n" in text:
            unbroken = _Unbroken(text)
            seen = set(found)
            for start, end in self._in(unbroken.text):
                written = unbroken.place(start), unbroken.place(end - 1) + 1
                if written[1] - written[0] > end - start and written not in seen:
                    found.append(written)
        return found

    def _in(self, text: str) -> list[tuple[int, int]]:
        if text.isascii() and self._beginnings.isdisjoint(_WORD.findall(text.lower())):
            return []  # as most texts
        matches = list(_WORD.finditer(text))
        looks = [_looks(match[0]) for match in matches]
        found: list[tuple[int, int]] = []
        for at, match in enumerate(matches):
            last = self._last_of(looks, at)
            if last is not None:
                found.append((match.start(), matches[last].end()))
        return found

    def _last_of(self, looks: list[tuple[str, ...]], at: int) -> int | None:
        """Return the last word of the longest entry that begins with the word ``at``."""
        last = None
        nodes = [self._first]
        while at < len(looks) and nodes:
            nodes = [node.next[look] for node in nodes for look in looks[at] if look in node.next]
            if any(node.ends for node in nodes):
                last = at
            at += 1
        return last


NO_WORDS: Final = WordList(())


class _Unbroken:
    """A text whose lines follow each other without a space, as if each broke a word."""

    def __init__(self, text: str) -> None:
        """Take out the line breaks, with the hyphen before and the indent after; empty lines stay."""
        self._starts = [0]
        self._taken = [0]
        *lines, last = text.split("\n")
        pieces: list[str] = []
        length = at = 0
        for number, line in enumerate((*lines, last)):
            words = line.strip(" \t\r")
            if number < len(lines) and words.endswith(_HYPHENS):
                words = words[:-1]
            self._starts.append(length)
            self._taken.append(at + len(line) - len(line.lstrip(" \t\r")) - length)
            pieces.append(words or "\n")
            length += len(pieces[-1])
            at += len(line) + 1
        self.text: Final = "".join(pieces)

    def place(self, at: int) -> int:
        """Return where a character was."""
        return at + self._taken[bisect_right(self._starts, at) - 1]


def _looks(word: str) -> tuple[str, ...]:
    """Return what a word is compared by, and as the plural of what."""
    look = _look(word)
    if not look.endswith("s"):
        return (look,)
    ies = (look[:-3] + "y",) if look.endswith("ies") else ()
    es = (look[:-2],) if look.endswith("es") else ()
    return (look, look[:-1], *es, *ies)


def _look(word: str) -> str:
    """Return what a word is compared by."""
    folded = word.casefold()
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFD", folded).translate(_look_alikes())


@cache
def _look_alikes() -> dict[int, str]:
    """Return what look-alike letters become: the table of names (UTS #39), without accents."""
    confusables = read_tables("names/confusables.txt")["CONFUSABLES"]
    table = dict.fromkeys(range(0x0300, 0x0370), "")
    for source, _, target in (pair.partition(">") for pair in confusables.split()):
        become = "".join(chr(int(point, 16)) for point in target.split("+"))
        if int(source, 16) > 127 and become.isascii():  # noqa: PLR2004 - ASCII
            table[int(source, 16)] = become.casefold()
    return table
