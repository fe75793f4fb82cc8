"""Where the words of a search stand in a text, by the tokenizer of the search index itself.

So accents, case and characters of other scripts are told apart here exactly as they are found there. It takes
the text that is shown, never the raw one, whose offsets are others.
"""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Final, NamedTuple, cast

import apsw

from parlour_client.core.search_query import words_of

TOKENIZER: Final[tuple[str, ...]] = ("unicode61", "remove_diacritics", "2", "categories", "L* N* Co So")
"""The index's: its name, then its arguments. Emoji are words, too."""


class _Token(NamedTuple):
    start: int
    end: int
    word: str


@cache
def _tokenizer() -> apsw.FTS5Tokenizer:
    arguments: list[str] = [*TOKENIZER[1:]]
    return apsw.Connection(":memory:").fts5_tokenizer(TOKENIZER[0], arguments)


def _tokens(text: str) -> list[_Token]:
    """Return the words of a text, and where each is, in characters."""
    data = text.encode("utf-8", "replace")
    words = cast("list[tuple[int, int, str]]", _tokenizer()(data, apsw.FTS5_TOKENIZE_DOCUMENT, None))
    found, at, octets = list[_Token](), 0, 0
    for start, end, word in words:
        begin = at + len(data[octets:start].decode())
        at, octets = begin + len(data[start:end].decode()), end
        found.append(_Token(begin, at, word))
    return found


class FoundWords:
    """The words of one search."""

    def __init__(self, search: str) -> None:
        """``search`` may be unfinished or wrong; then less of it, or nothing, is found."""
        phrases, self._unfinished = words_of(search)
        split = ([token.word for token in _tokens(phrase)] for phrase in phrases)
        self._phrases = [words for words in split if words]

    def __call__(self, text: str) -> Sequence[tuple[int, int]]:
        """Return where they stand in a text: first character and the one after the last, in order."""
        if not self._phrases:
            return ()
        tokens, found = _tokens(text), list[tuple[int, int]]()
        last = len(self._phrases) - 1
        for number, phrase in enumerate(self._phrases):
            part = self._unfinished and number == last
            for at in range(len(tokens) - len(phrase) + 1):
                if _same(phrase, [token.word for token in islice(tokens, at, at + len(phrase))], part=part):
                    found.append((tokens[at].start, tokens[at + len(phrase) - 1].end))
        return sorted(set(found))


def _same(phrase: Sequence[str], words: Sequence[str], *, part: bool) -> bool:
    """Say whether these words are the phrase; with ``part`` its last word may be the beginning of one."""
    return words[:-1] == phrase[:-1] and (
        words[-1].startswith(phrase[-1]) if part else words[-1] == phrase[-1]
    )
