"""Finds secrets in a text: keys, tokens and passwords of known forms, and long words that look random.

It misses some (a password that looks like a word); hashes and ids are ignored, since no one reads a warning
that is always there. A key is found with a line break inside, too, as terminals copy it.

Every search is linear: what repeats in a pattern is bounded, ends at what the next match begins with, or is
skipped with what it was tried on.
"""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.inspect.verdict import Finding

_LONG: Final = 24
_DIGITS: Final = 3
_BITS: Final = 4.1
"""Bits a character: random base64 of this length has more, words and paths have less (see the tests)."""
_MARKUP: Final = r"[\"'`*_~]{0,3}"
"""Quotes, and what makes a word bold."""
_CALLED: Final = (
    r"(?:password|passwd|passphrase|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|token|api[_-]?key"
    rf"|private[_-]?key){_MARKUP}\s{{0,3}}"
)
_SET: Final = rf"={_MARKUP}\s{{0,3}}{_MARKUP}[^\s\"'`=;,]{{6,}}"
_TOLD: Final = (
    # not `the password: see below`
    rf":{_MARKUP}\s{{0,3}}{_MARKUP}(?=[^\s\"'`]{{0,100}}[0-9!$%&*+#@^])[^\s\"'`]{{6,100}}"
)
_PRIVATE_KEY: Final = "a private key"
_NAMED: Final = "a password or a token"
_WORDS_OF_NAMES: Final = "pass pwd secret token api private"
_NAMES: Final = re.compile(_WORDS_OF_NAMES.replace(" ", "|"))


_TRIED: Final = "tried"
"""The group of what looked like the beginning of something, and is skipped."""
_START: Final = "(?<![A-Za-z0-9])"
"""Before a key; a word of a markup language may stand there, as in `_key_`."""
_BREAK: Final = r"(?:\r?\n[ \t]{0,8})?"
_REPEATED: Final = re.compile(r"(\[[^]]+\])\{(\d+)(,?)\}(?=(\\\.)?)")


@dataclass(frozen=True, slots=True)
class _Form:
    """A known form. A text without any of ``signs`` (in lower case) is not searched for it."""

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    broken: re.Pattern[str] | None
    """The same with line breaks inside; None for what a line break ends."""


def _form(kind: str, signs: str, pattern: str) -> _Form:
    broken = _REPEATED.sub(_broken, pattern) if kind in _KEYS else None
    return _Form(
        kind, tuple(signs.split()), re.compile(pattern), None if broken is None else re.compile(broken)
    )


def _broken(repeated: re.Match[str]) -> str:
    one, least, more, dot = repeated.groups()
    if more and (dot or least == "0"):
        return f"(?:{_BREAK}{one}){{{least},}}"
    return f"(?:{_BREAK}{one}){{{least}}}" + (f"{one}*" if more else "")


_KEYS: Final = frozenset(
    (
        "an AWS access key",
        "a GitHub token",
        "a GitLab token",
        "a Slack token",
        "a Google API key",
        "an API key",
        "an access token",
        "a package registry's token",
        "a signed web token (JWT)",
    )
)
_FORMS: Final[tuple[_Form, ...]] = tuple(
    _form(kind, signs, pattern.replace(r"\b", _START))
    for kind, signs, pattern in (
        (
            _PRIVATE_KEY,
            "-----begin putty-user",
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d",
        ),
        ("an AWS access key", "akia asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"),
        (
            "a GitHub token",
            "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
            r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}",
        ),
        ("a GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a Google API key", "aiza", r"\bAIza[A-Za-z0-9_-]{35}"),
        (
            "an API key",
            "sk- sk_ rk- rk_ pk- pk_",
            r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{16,}|\bsk-[A-Za-z0-9]{32,}",
        ),
        (
            "an access token",
            "hf_ sg. whsec_ ya29. dop_v1_ age-secret-key- bearer",
            (
                r"\b(?:hf_|whsec_|dop_v1_)[A-Za-z0-9]{24,}|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
                r"|\bya29\.[A-Za-z0-9_-]{20,}|\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"
                r"|\b[Bb]earer [A-Za-z0-9._~+/-]{20,}"
            ),
        ),
        (
            "a package registry's token",
            "npm_ pypi-",
            r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_-]{50,}",
        ),
        (
            "a signed web token (JWT)",
            "eyj",
            (
                r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,}"
                rf"|\beyJ(?P<{_TRIED}>[A-Za-z0-9_-]{{0,}})"
            ),
        ),
        (
            "a URL with a password in it",
            "://",
            r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/:@]{1,64}:[^\s/@]{3,128}@",
        ),
        (
            "an invite link, which anyone can use",
            "parlour://",
            r"\bparlour://[^\s#]{1,300}#[^\s]{0,300}?code=[^\s&]{0,100}",
        ),
        (
            _NAMED,
            _WORDS_OF_NAMES,
            rf"(?i){_CALLED}(?:{_SET}|{_TOLD})",
        ),
    )
)
RANDOM: Final = "a long random-looking word, like a key"
_WORD: Final = re.compile(r"[A-Za-z0-9+_=-]{24,}")


def find_secrets(text: str) -> list[Finding]:
    """Return possible secrets in a folded text, with their places."""
    lower = text.lower()
    found: list[Finding] = []
    for form in _FORMS:
        if any(sign in lower for sign in form.signs):
            found += [Finding(form.kind, start, end) for start, end in _spans(form, text, lower)]
    covered = _Covered((finding.start, finding.end) for finding in found)
    found += [
        Finding(RANDOM, *match.span())
        for match in _WORD.finditer(text)
        if looks_random(match[0]) and not covered.overlap(*match.span())
    ]
    return found


def _spans(form: _Form, text: str, lower: str) -> list[tuple[int, int]]:
    if form.kind == _PRIVATE_KEY:
        return list(_private_keys(form, text))
    if form.kind == _NAMED:
        return [match.span() for match in _named(form, text, lower)]
    spans = list(_matches(form.pattern, text))
    if form.broken is not None and "\n" in text:
        covered = _Covered(spans)
        spans += [span for span in _matches(form.broken, text) if not covered.overlap(*span)]
    return spans


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        if match.lastgroup != _TRIED:
            yield match.span()


class _Covered:
    """Parts of a text in which something was found."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            self._starts.append(start)
            self._ends.append(max(end, self._ends[-1] if self._ends else 0))

    def overlap(self, start: int, end: int) -> bool:
        """Return whether something was found in this part."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._ends[before - 1] > start


def _private_keys(form: _Form, text: str) -> Iterator[tuple[int, int]]:
    """Yield each key to its last line; one that is not complete goes on to the end of the text."""
    end = 0
    while (match := form.pattern.search(text, end)) is not None:
        end = _end_of_key(text, match.end())
        yield match.start(), end


def _named(form: _Form, text: str, lower: str) -> Iterator[re.Match[str]]:
    """Yield matches of the form that begins with one of its signs: searched as such, it is slow."""
    if len(lower) != len(text):
        yield from form.pattern.finditer(text)
        return
    end = 0
    for sign in _NAMES.finditer(lower):
        match = form.pattern.match(text, sign.start()) if sign.start() >= end else None
        if match is not None:
            end = match.end()
            yield match


def _end_of_key(text: str, start: int) -> int:
    """Return where a private key ends whose first line ends at ``start``."""
    mark = text.find("-----END", start)
    line = text.find("\n", mark) if mark >= 0 else -1
    return line if line >= 0 else len(text)


def looks_random(word: str) -> bool:
    """Say whether a word looks random: long, with digits and both cases, and without any pattern."""
    digits = sum(letter.isdigit() for letter in word)
    mixed = digits >= _DIGITS and any(map(str.islower, word)) and any(map(str.isupper, word))
    return len(word) >= _LONG and mixed and entropy(word) >= _BITS


def entropy(text: str) -> float:
    """Return a text's bits a character, by the frequencies of its letters."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
