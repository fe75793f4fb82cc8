"""Finds text that should be checked before it is sent: several lines at once, and possible secrets.

It names the kind and the place, and never quotes the secret. It misses some (a password that looks like a
word), so it only warns; hashes and ids are ignored, since no one reads a warning that is always there. The
composer and the line mode call it.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_LOOKED_AT: Final = 100_000
"""Characters; the server takes far less in one message."""
_LONG: Final = 24
_DIGITS: Final = 3
_BITS: Final = 4.1
"""Bits a character: random base64 of this length has more, words and paths have less (see the tests)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: its name, in our words, and the line (from 1; 0 for the whole)."""

    what: str
    line: int = 0


_CALLED: Final = r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key)[\"']?\s{0,3}"
_SET: Final = r"=\s{0,3}[\"']?[^\s\"'=;,]{6,}"
_TOLD: Final = r":\s{0,3}[\"']?(?=[^\s\"']*[0-9!$%&*+#@^])[^\s\"']{6,}"  # not `the password: see below`
_FORMS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        ("a private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d"),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}"),
        ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
        (
            "an API key",
            r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{16,}|\bsk-[A-Za-z0-9]{32,}",
        ),
        ("a package registry's token", r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_-]{50,}"),
        ("a signed web token (JWT)", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,}"),
        ("a URL with a password in it", r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/:@]{1,64}:[^\s/@]{3,128}@"),
        ("an invite link, which anyone can use", r"\bparlour://\S+#\S*code="),
        ("a password or a token", rf"(?i){_CALLED}(?:{_SET}|{_TOLD})"),
    )
)
_WORD: Final = re.compile(r"[A-Za-z0-9+_=-]{24,}")


def look_at_paste(text: str) -> tuple[Finding, ...]:
    """Return the warning about a paste before it is inserted."""
    count = text.strip("\n").count("\n") + 1
    several = (Finding(f"{count} lines"),) if count > 1 else ()
    return several + look_at_text(text)


def look_at_text(text: str) -> tuple[Finding, ...]:
    """Return possible secrets in a text; each kind once, where it first occurs."""
    found: dict[str, Finding] = {}
    for number, line in enumerate(text[:MOST_LOOKED_AT].split("\n"), 1):
        for what in _kinds(line):
            found.setdefault(what, Finding(what, number))
    return tuple(found.values())


def _kinds(line: str) -> Iterator[str]:
    known = False
    for what, form in _FORMS:
        if form.search(line):
            known = True
            yield what
    if not known and any(looks_random(word) for word in _WORD.findall(line)):
        yield "a long random-looking word, like a key"


def looks_random(word: str) -> bool:
    """Say whether a word looks random: long, with digits and both cases, and without any pattern."""
    digits = sum(letter.isdigit() for letter in word)
    mixed = digits >= _DIGITS and any(map(str.islower, word)) and any(map(str.isupper, word))
    return len(word) >= _LONG and mixed and entropy(word) >= _BITS


def entropy(word: str) -> float:
    """Return a word's bits a character, by the frequencies of its letters."""
    counts = Counter(word).values()
    return -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
