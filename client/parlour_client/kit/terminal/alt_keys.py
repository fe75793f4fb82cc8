"""Alt and a letter or digit, in terminals that send Alt as an Esc before the key.

Textual takes Esc and a digit for a character of some Mac keyboards (Alt+1 would write `¡`), Esc and f or b
for Ctrl and an arrow, and Esc and another letter for the beginning of something longer: it waits a tenth of
a second for the rest, and if another Esc comes first (a key held down) it writes `^` and the letter. So the
keys are added to its table. A terminal with the keyboard protocol of kitty sends them unambiguously.
"""

from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from textual import _ansi_sequences

_BEGIN_OTHERS: Final = frozenset("OP")
"""Letters with which longer sequences begin: keys, and answers of the terminal."""


@dataclass(frozen=True, slots=True)
class AltKey:
    """A key, as Textual's parser wants it."""

    value: str
    """Textual's name."""


def read_alt_keys() -> None:
    """Let Textual read them from now on."""
    table = {f"\x1b{key}": (AltKey(f"alt+{key}"),) for key in digits + ascii_lowercase}
    table |= {
        f"\x1b{key}": (AltKey(f"alt+shift+{key.lower()}"),)
        for key in ascii_uppercase
        if key not in _BEGIN_OTHERS
    }
    _ansi_sequences.ANSI_SEQUENCES_KEYS.update(table)  # type: ignore[attr-defined]  # a dict, declared as a Mapping
