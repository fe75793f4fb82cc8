"""Alt and a digit, in terminals that send Alt as an Esc before the key.

Textual takes Esc and a digit for a character of some Mac keyboards (Alt+1 would write `¡`), so the keys are
added to its table. A terminal with the keyboard protocol of kitty sends them unambiguously by itself.
"""

from enum import Enum

from textual import _ansi_sequences


class AltDigit(Enum):
    """The keys, by Textual's names."""

    ALT_1 = "alt+1"
    ALT_2 = "alt+2"
    ALT_3 = "alt+3"
    ALT_4 = "alt+4"
    ALT_5 = "alt+5"
    ALT_6 = "alt+6"
    ALT_7 = "alt+7"
    ALT_8 = "alt+8"
    ALT_9 = "alt+9"


def read_alt_digits() -> None:
    """Let Textual read them from now on."""
    table = {f"\x1b{key.value[-1]}": (key,) for key in AltDigit}
    _ansi_sequences.ANSI_SEQUENCES_KEYS.update(table)  # type: ignore[attr-defined]  # a dict, declared as a Mapping
