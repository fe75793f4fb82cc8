"""Tells the terminal who orders right-to-left text, as the setting `bidi` says (ECMA-48 mode 8)."""

from collections.abc import Callable
from typing import Final

_EXPLICIT: Final = "\x1b[8l"
_IMPLICIT: Final = "\x1b[8h"


class TextDirection:
    """Tells the terminal who orders right-to-left text, as the setting says."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._is_explicit = False

    def follow(self, order: str) -> None:
        """Apply what puts text in order: `terminal`, `client` or `off`."""
        self._tell(explicit=order != "terminal")

    def leave(self) -> None:
        """Restore the terminal."""
        self._tell(explicit=False)

    def _tell(self, *, explicit: bool) -> None:
        if explicit != self._is_explicit:
            self._is_explicit = explicit
            self._write(_EXPLICIT if explicit else _IMPLICIT)
