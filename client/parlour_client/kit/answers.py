"""How a person says yes to a question: by any usual key, by a letter of its own, or by typing a name.

What can be undone, but not without harm, takes its own letter. What can't be undone takes a name, which no
habit and no text that was meant for something else types. Every front end asks by these.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Harmless:
    """Enter, or y."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, and neither Enter nor y."""

    key: str
    """In lower case; no ``n`` or ``y``, which answer every question."""
    does: str
    """Its effect, as a verb in our own words: `remove them`."""

    def __post_init__(self) -> None:
        if len(self.key) != 1 or self.key in "ny" or not self.key.islower():
            raise ValueError(f"{self.key!r} can't be a letter of its own.")


@dataclass(frozen=True, slots=True)
class TypedName:
    """The name of what is lost, and Enter."""

    name: str
    """A checked name, or one line."""
    does: str
    """Its effect, as a verb in our own words: `revoke it`."""

    def is_typed(self, line: str) -> bool:
        """Say whether a line is the name."""
        return bool(self.name) and line.strip() == self.name.strip()


Yes = Harmless | Letter | TypedName
