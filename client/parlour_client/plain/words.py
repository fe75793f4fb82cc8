"""Reading what a person typed in the line mode: numbers, names, times; each refusal is a sentence.

Pure functions; the commands call them. Raises SetupError for what cannot be understood.
"""

from typing import Final

from parlour_client.core.errors import SetupError

_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}


def number(text: str, *, most: int = 2**53 - 1) -> int:
    """Read a number."""
    digits = text.strip().removeprefix("#")
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:17]) <= most:
        raise SetupError("There should be the number of a message.", "Each message begins with its number.")
    return int(digits)


def two(rest: str, usage: str) -> tuple[str, str]:
    """Read a word and the rest of the line."""
    first, _, second = rest.partition(" ")
    if not second.strip():
        raise SetupError(f"Use it like this: {usage}")
    return first, second.strip()


def name_and_rest(rest: str, usage: str) -> tuple[str, str]:
    """Read a person's or a room's name, without its sign, and the rest of the line, which may be empty."""
    first, _, second = rest.partition(" ")
    if not first:
        raise SetupError(f"Use it like this: {usage}")
    return first.lstrip("@#"), second.strip()


def seconds(word: str) -> int | None:
    """Read `10m`, `2h`, `7d`; None for what is no length of time."""
    count, unit = word[:-1], _UNITS.get(word[-1:])
    if unit is None or not (count.isascii() and count.isdigit()) or len(count) > 6:  # noqa: PLR2004 - a year of minutes has 6
        return None
    return int(count) * unit


def on_or_off(rest: str, usage: str) -> bool:
    """Read `on` or `off`; nothing means on."""
    if rest not in {"", "on", "off"}:
        raise SetupError(f"Use it like this: {usage}")
    return rest != "off"


def without_yes(rest: str) -> tuple[str, bool]:
    """Take a last ``--yes`` off, and tell whether it was there."""
    words = rest.removesuffix("--yes").rstrip()
    return words, rest.endswith("--yes")
