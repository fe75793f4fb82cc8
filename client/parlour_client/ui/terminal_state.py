"""Tells the terminal its title, and who orders right-to-left text.

The title, if the person wants it, says how many rooms have something unread, and no names. Every byte is a
constant but for that number. At the end the title before is put back, where the terminal keeps titles
(`CSI 22 t`); elsewhere it is emptied, so that no old number is left.
"""

from collections.abc import Callable, Iterable
from typing import Final

from parlour_client.core.client import Client
from parlour_client.core.events import CountsChanged, RoomsChanged
from parlour_client.core.model import Room

MOST: Final = 999
_SAVE: Final = "\x1b[22;2t"
_RESTORE: Final = "\x1b]2;\x07\x1b[23;2t"
_EXPLICIT: Final = "\x1b[8l"
_IMPLICIT: Final = "\x1b[8h"


class TerminalTitle:
    """Shows the number of unread rooms of one client."""

    def __init__(self, write: Callable[[str], None], is_wanted: Callable[[], bool]) -> None:
        """``write`` takes escape sequences for the terminal; ``is_wanted`` is the setting."""
        self._write, self._is_wanted = write, is_wanted
        self._client: Client | None = None
        self._end: Callable[[], None] | None = None
        self._shown: int | None = None

    def follow(self, client: Client) -> None:
        """Show the rooms of this client."""
        self.forget()
        self._client = client
        self.update()

    def forget(self) -> None:
        """Stop following, and restore the title."""
        self._client = None
        self.update()

    def update(self) -> None:
        """Show the number, or restore the title if it is not wanted."""
        if self._client is None or not self._is_wanted():
            if self._end is not None:
                self._end()
                self._end = self._shown = None
                self._write(_RESTORE)
            return
        if self._end is None:
            events = self._client.events
            self._end = events.subscribe(lambda _: self.update(), RoomsChanged, CountsChanged)
        count = unread_rooms(self._client.rooms.all)
        if count != self._shown:
            save = _SAVE if self._shown is None else ""
            self._shown = count
            self._write(save + title_sequence(count))


class TextDirection:
    """Tells the terminal who orders right-to-left text, as the setting `bidi` says (ECMA-48 mode 8)."""

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


def unread_rooms(rooms: Iterable[Room]) -> int:
    """Count accepted rooms with something unread; silenced ones only if someone mentioned the person."""
    return sum(
        1 for room in rooms if not room.request and (room.mentions or (room.unread and not room.muted))
    )


def title_sequence(count: int) -> str:
    """Return the sequence that sets the title."""
    number = f"({min(count, MOST)}) " if count > 0 else ""
    return f"\x1b]2;{number}Parlour\x07"
