"""What a check came to: what was wrong, and how much of each kind was looked at at all.

A history in which nothing happened breaks no rule. So each rule has a least number of things of each kind
that it must have judged; below that a run is inconclusive.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be; ``rule`` is the number of the assertion in docs/how-to/cluster.md."""

    rule: int
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


class Part(Enum):
    """What a run may do without; then it judges nothing of it, and says so."""

    ENCRYPTED = "people with encryption"
    OWN_CLUSTER = "a cluster of its own"


@dataclass(frozen=True, slots=True)
class Minimum:
    """How many things of a kind a rule must have judged."""

    rule: int
    what: str
    least: int
    part: Part | None = None


MINIMA: Final = (
    Minimum(1, "message stored", 40),
    Minimum(1, "edited stored", 2),
    Minimum(1, "deleted stored", 2),
    Minimum(1, "reacted stored", 2),
    Minimum(1, "joined stored", 3),
    Minimum(1, "invited stored", 2),
    Minimum(1, "uninvited stored", 1),
    Minimum(1, "kicked stored", 2),
    Minimum(1, "banned stored", 1),
    Minimum(1, "unbanned stored", 1),
    Minimum(1, "muted stored", 1),
    Minimum(1, "unmuted stored", 1),
    Minimum(1, "role stored", 1),
    Minimum(1, "request over two connections at once", 2),
    Minimum(1, "refused request", 5),
    Minimum(1, "file read back", 2),
    Minimum(1, "direct room opened", 2),
    Minimum(1, "operator's event stored", 2, Part.OWN_CLUSTER),
    Minimum(1, "whisper stored", 10, Part.ENCRYPTED),
    Minimum(2, "event shown", 200),
    Minimum(2, "complete view", 4),
    Minimum(2, "event found without the bus", 5, Part.OWN_CLUSTER),
    Minimum(2, "whisper read where it had to be", 10, Part.ENCRYPTED),
    Minimum(3, "request after an answer", 40),
    Minimum(3, "page after an answer", 5),
    Minimum(4, "event kept from someone removed", 5),
    Minimum(4, "page refused to someone removed", 1),
    Minimum(4, "message refused to someone removed", 1),
    Minimum(4, "message refused to someone muted", 1),
    Minimum(4, "joining refused to someone banned", 1),
    Minimum(4, "joining refused after a withdrawal", 1),
    Minimum(4, "act refused for a role", 1),
    Minimum(4, "message refused in an archived room", 1, Part.OWN_CLUSTER),
    Minimum(4, "file refused to an outsider", 1),
    Minimum(4, "event kept from an ended session", 1),
    Minimum(4, "request of an ended session", 1),
    Minimum(4, "ticket refused after the end of its session", 1),
    Minimum(4, "whisper after the revocation of a device", 1, Part.ENCRYPTED),
    Minimum(4, "whisper after a removal from the room", 1, Part.ENCRYPTED),
    Minimum(5, "ticket offered twice", 2),
    Minimum(5, "deletion", 2),
    Minimum(5, "deleted text looked for in the database", 2, Part.OWN_CLUSTER),
    Minimum(5, "commit", 3, Part.ENCRYPTED),
    Minimum(5, "keys compared", 3, Part.ENCRYPTED),
)
"""What a run of a minute does, and much of it many times over, on a machine that has time for it."""


@dataclass(slots=True)
class Verdict:
    """Everything that is wrong, and what was judged."""

    violations: list[Violation] = field(default_factory=list)
    judged: Counter[str] = field(default_factory=Counter)

    def fault(self, rule: int, text: str) -> None:
        """Add a violation."""
        self.violations.append(Violation(rule, text))

    def too_little(self, without: Collection[Part] = ()) -> list[str]:
        """Return, in words, the minima that were not reached; ``without``: what the run left out."""
        return [
            f"[{one.rule}] {one.what}: {self.judged[one.what]} of {one.least}"
            for one in MINIMA
            if one.part not in without and self.judged[one.what] < one.least
        ]
