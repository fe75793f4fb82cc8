"""Finds secrets in a text: keys, tokens and passwords of known forms, and long words that look random.

It misses some (a password that looks like a word); hashes and ids are ignored, since no one reads a warning
that is always there. Every pattern is linear: what repeats in it is bounded.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from parlour_protocol.kit.inspect.verdict import Finding

_LONG: Final = 24
_DIGITS: Final = 3
_BITS: Final = 4.1
"""Bits a character: random base64 of this length has more, words and paths have less (see the tests)."""
_MOST: Final = 50
"""Findings of one kind in one text."""

_CALLED: Final = (
    r"(?:password|passwd|passphrase|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|token|api[_-]?key"
    r"|private[_-]?key)[\"']?\s{0,3}"
)
_SET: Final = r"=\s{0,3}[\"']?[^\s\"'=;,]{6,}"
_TOLD: Final = (
    r":\s{0,3}[\"']?(?=[^\s\"']{0,100}[0-9!$%&*+#@^])[^\s\"']{6,100}"  # not `the password: see below`
)
_PRIVATE_KEY: Final = "a private key"
_NAMED: Final = "a password or a token"
_WORDS_OF_NAMES: Final = "pass pwd secret token api private"
_NAMES: Final = re.compile(_WORDS_OF_NAMES.replace(" ", "|"))


@dataclass(frozen=True, slots=True)
class _Form:
    """A known form. A text without any of ``signs`` (in lower case) is not searched for it."""

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]


_FORMS: Final[tuple[_Form, ...]] = tuple(
    _Form(kind, tuple(signs.split()), re.compile(pattern))
    for kind, signs, pattern in (
        (
            _PRIVATE_KEY,
            "-----begin putty-user",
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d",
        ),
        ("an AWS access key", "akia asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
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
            r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,}",
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
            found_by = _named(form, text, lower) if form.kind == _NAMED else form.pattern.finditer(text)
            for match in islice(found_by, _MOST):
                end = _end_of_key(text, match.end()) if form.kind == _PRIVATE_KEY else match.end()
                found.append(Finding(form.kind, match.start(), end))
    for match in islice(_WORD.finditer(text), _MOST):
        start, end = match.span()
        if looks_random(match[0]) and not any(one.start < end and start < one.end for one in found):
            found.append(Finding(RANDOM, start, end))
    return found


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
