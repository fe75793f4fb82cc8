"""Parses single typed values: names of people, numbers and lengths of time. Each error is a sentence."""

from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _, ngettext
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.text import safe_text

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST: Final = 6
"""Digits of a length of time: a year in minutes has six."""
_LARGEST_FIRST: Final = sorted(_UNITS.items(), key=lambda unit: -unit[1])


def read_duration(word: str) -> int | None:
    """Parse `10m`, `2h`, `7d`; None for any other text."""
    count, unit = word[:-1], _UNITS.get(word[-1:])
    if unit is None or not (count.isascii() and count.isdigit()) or len(count) > _LONGEST:
        return None
    return int(count) * unit


def duration_words(seconds: int) -> str:
    """Return a length of time in the largest unit that divides it: `2 hours`, `90 minutes`."""
    count, unit = next((seconds // size, unit) for unit, size in _LARGEST_FIRST if seconds % size == 0)
    words = {
        "d": ngettext("{count} day", "{count} days", count),
        "h": ngettext("{count} hour", "{count} hours", count),
        "m": ngettext("{count} minute", "{count} minutes", count),
        "s": ngettext("{count} second", "{count} seconds", count),
    }[unit]
    return words.format(count=count)


def read_person(text: str) -> UserName:
    """Parse the name of someone who exists: no one has an invalid or reserved name. Raises SetupError."""
    try:
        return parse_user_name(text)
    except NameRefusedError as error:
        raise SetupError(
            _("There is no one called {name}.").format(name=" ".join(safe_text(text).lines)),
            protocol_sentence(error),
        ) from error


def read_number(text: str, *, most: int = 2**53 - 1, what: str = "") -> int:
    """Parse a number. Raises SetupError."""
    digits = text.strip().removeprefix("#")
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:17]) <= most:
        raise SetupError(_("Write the number of {what}.").format(what=what or _("a message")))
    return int(digits)
