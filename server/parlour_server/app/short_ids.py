"""Ids that an operator types: short, in letters that look like no others, and never an option."""

import secrets
from typing import Final

_LETTERS: Final = "23456789abcdefghijkmnpqrstuvwxyz"
_LENGTH: Final = 10


def new_short_id() -> str:
    """Make an id at random."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
