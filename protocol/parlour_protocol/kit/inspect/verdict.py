"""An inspector's answer: allow, flag, redact or block, with what it found and where."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KIND_CHARACTERS: Final = 80
MOST_FINDINGS: Final = 100
"""Of one inspector in one part; what follows them counts as found as a whole."""


class Action(StrEnum):
    """The action on a part that has a finding."""

    FLAG = "flag"
    """It passes, and the finding is recorded."""
    REDACT = "redact"
    """The text is replaced, and the writer is told. A part that can't be redacted (a file) is refused."""
    BLOCK = "block"
    """It is refused, and the writer is told what was found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its kind in the inspector's words ("a card number"), and where it is in the text.

    ``kind`` must never quote what was found: it goes into the audit log. Raises ValueError for a kind that is
    not one short line of printable ASCII.
    """

    kind: str
    start: int = 0
    end: int = 0
    """Of the characters; both 0 if the finding is about the whole."""

    def __post_init__(self) -> None:
        """Check the kind."""
        if not (self.kind.isascii() and self.kind.isprintable() and 0 < len(self.kind) <= KIND_CHARACTERS):
            raise ValueError(
                f"the kind of a finding is one line of ASCII, at most {KIND_CHARACTERS} characters"
            )


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing was found."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something was found; it passes."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Redact:
    """Something was found and is to be replaced."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Something was found; all of it is refused."""

    findings: tuple[Finding, ...]


Verdict = Allow | Flag | Redact | Block
"""What an inspector says of a part."""
ALLOW: Final = Allow()
_VERDICTS: Final[Mapping[Action, Callable[[tuple[Finding, ...]], Verdict]]] = {
    Action.FLAG: Flag,
    Action.REDACT: Redact,
    Action.BLOCK: Block,
}
ACTIONS: Final = {Flag: Action.FLAG, Redact: Action.REDACT, Block: Action.BLOCK}
"""The action of each verdict but ``Allow``."""


def verdict(action: Action, findings: Iterable[Finding]) -> Verdict:
    """Return the verdict for these findings; ``Allow`` without any."""
    found = tuple(findings)
    return _VERDICTS[action](found) if found else ALLOW


def redacted(text: str, findings: Iterable[Finding]) -> str:
    """Return the text with each finding replaced by its kind in brackets; overlapping ones become one."""
    pieces: list[str] = []
    at = 0
    for found in sorted(findings, key=lambda finding: (finding.start, finding.end)):
        start, end = (0, len(text)) if found.end == 0 else (found.start, found.end)
        if end <= at:
            continue
        pieces += text[at : max(at, start)], f"[removed: {found.kind}]"
        at = end
    return "".join(pieces) + text[at:]
