"""A secret byte string that cannot be printed by accident.

It compares in constant time, shows only its length in `repr` (so in logs and tracebacks too) and refuses to
be pickled. Everything in the engine that must not leave the process in clear is one of these.
"""

import hmac
from typing import NoReturn


class Secret:
    """Bytes that must not be logged; only `reveal` returns them, so that a search finds every use."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Give the bytes themselves: never log, print or format what this returns."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        raise TypeError("a Secret cannot be a dictionary key")

    def __repr__(self) -> str:
        return f"Secret({len(self._value)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
