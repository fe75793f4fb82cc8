"""Parses single typed values: names of people, numbers and lengths of time. Each error is a sentence."""

from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.protocol_text import protocol_sentence
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.text import safe_text

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST: Final = 6
"""Digits of a length of time: a year in minutes has six."""


def read_duration(word: str) -> int | None:
    """Parse `10m`, `2h`, `7d`; None for any other text."""
    count, unit = word[:-1], _UNITS.get(word[-1:])
    if unit is None or not (count.isascii() and count.isdigit()) or len(count) > _LONGEST:
        return None
    return int(count) * unit


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
