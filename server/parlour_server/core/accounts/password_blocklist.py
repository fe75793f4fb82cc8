"""The offline blocklist: passwords of an allowed length that attackers try first (P3).

Lists of leaked passwords hold little of fifteen characters or more, and most of it is made by a few recipes:
a common word twice, a word padded with digits, a walk over the keyboard, one block repeated. This module
knows the recipes and takes the words from zxcvbn's frequency lists. It does not replace a corpus of leaked
passwords, which would need a network or hundreds of megabytes.
"""

import re
from calendar import day_name, month_name
from collections.abc import Iterable
from functools import cache
from typing import Final

# How much of a password may be counted as new once the guessable parts are taken out. Fewer characters
# than this beside them are padding: `alice123456789xyz` is `alice` and a sequence and three letters.
_LEAST_OWN: Final = 6
_LEAST_DIFFERENT: Final = 5
# Three words from a list of 1,500 are out of reach for throttled guessing.
_MOST_WORDS: Final = 2
_APPLICATION: Final = ("parlour", "chat", "password", "passwort")
_WALKS: Final = (
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "!@#$%^&*()_+",
    '!"§$%&/()=?',
)
_SHORTEST_WALK: Final = 4
_SHORTEST_NAME: Final = 3
_SHORTEST_WORD: Final = 4
_RANKED: Final = 2_000  # how far down the list of passwords a word is common
_LONG_WORD: Final = 12  # a listed password of this length is one whole guess
_SEASONAL: Final = frozenset(
    word.casefold()
    for word in (
        *month_name,
        *day_name,
        "spring",
        "summer",
        "autumn",
        "winter",
        "hello",
        "welcome",
        "letmein",
    )
    if word
)
_LOOKS: Final = str.maketrans("@$013457", "asoleast")
# Only ASCII signs count as padding: fifteen emoji are a password.
_PADDING: Final = re.compile(r"[\0 -/:-@\[-`{-~]+|(.)(?=\1)")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")


def why_guessable(password: str, names: Iterable[str]) -> str | None:
    """Return why a password is easily guessed, as a sentence, or None."""
    low = password.casefold()
    if len(set(low)) < _LEAST_DIFFERENT:
        return f"The password has fewer than {_LEAST_DIFFERENT} different characters."
    if _is_repeated(low):
        return "The password repeats one short part. Attackers try that first."
    context = _context(names)
    for form in {low, low.translate(_LOOKS)}:
        own, found = _take_out(form, (*context, *_common_words()))
        if own < _LEAST_OWN and len(found) <= _MOST_WORDS:
            if found & set(context):
                return "The password is too similar to the name of this account or server."
            return "The password consists of common words and sequences. Attackers try those first."
    return None


def _is_repeated(text: str) -> bool:
    """Return whether the text is one repeated block; the last repetition may be cut short."""
    return any((text[:size] * len(text))[: len(text)] == text for size in range(1, len(text) // 2 + 1))


def _context(names: Iterable[str]) -> tuple[str, ...]:
    """Return the words of the given names and the application's own, longest first."""
    parts = {part for name in names for part in re.split(r"[\W_]+", name.casefold())}
    whole = {name.casefold() for name in names}
    words = {word for word in parts | whole | set(_APPLICATION) if len(word) >= _SHORTEST_NAME}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _take_out(text: str, words: Iterable[str]) -> tuple[int, set[str]]:
    """Take words, walks, years and ASCII padding out; return how many characters are left, and the words."""
    found = set()
    for word in words:
        if word in text:
            found.add(word)
            text = text.replace(word, "\0")
    text = _YEAR.sub("\0", _without_walks(text))
    return len(_PADDING.sub("", text)), found


def _without_walks(text: str) -> str:
    """Replace every keyboard walk of at least four characters, forwards or backwards."""
    out, at = [], 0
    while at < len(text):
        size = _walk_at(text, at)
        out.append("\0" if size else text[at])
        at += size or 1
    return "".join(out)


def _walk_at(text: str, at: int) -> int:
    longest = 0
    for walk in _both_ways():
        size = _SHORTEST_WALK
        while at + size <= len(text) and text[at : at + size] in walk:
            longest = max(longest, size)
            size += 1
    return longest


@cache
def _both_ways() -> tuple[str, ...]:
    return tuple(w for walk in _WALKS for w in (walk, walk[::-1]))


@cache
def _common_words() -> tuple[str, ...]:
    """Return common words and whole passwords, longest first: a word inside another must not break it."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - half a megabyte, for new passwords only

    known = list(FREQUENCY_LISTS["passwords"])
    short = {word for word in known[:_RANKED] if word.isalpha() and len(word) >= _SHORTEST_WORD}
    long = {word for word in known if len(word) >= _LONG_WORD}
    return tuple(sorted(short | long | _SEASONAL, key=lambda word: (-len(word), word)))
