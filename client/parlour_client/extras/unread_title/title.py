"""Writes the title: a number and constants, and no names.

At the end the title before is put back, where the terminal keeps titles (`CSI 22 t`); elsewhere it is
emptied, so that no old number is left.
"""

from collections.abc import Callable, Iterable
from typing import Final

from textual.widget import Widget

from parlour_client.core.events import CountsChanged, RoomsChanged
from parlour_client.core.model import Room
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.ui.chat.screen import ChatScreen

MOST: Final = 999
_SAVE: Final = "\x1b[22;2t"
_RESTORE: Final = "\x1b]2;\x07\x1b[23;2t"


class UnreadTitle(Widget):
    """Shows nothing on the screen; the title is its while it is there."""

    DEFAULT_CSS = "UnreadTitle { display: none; }"

    def __init__(self) -> None:
        super().__init__()
        self._end: Callable[[], None] | None = None
        self._shown: int | None = None

    def on_mount(self) -> None:
        """Follow the rooms."""
        chat = self.screen
        assert isinstance(chat, ChatScreen)  # noqa: S101 - it is made for the chat
        rooms = chat.client.rooms

        def show() -> None:
            count = unread_rooms(rooms.all)
            if count != self._shown:
                self._shown = count
                self._write(title_sequence(count))

        self._end = chat.client.events.subscribe(lambda _: show(), RoomsChanged, CountsChanged)
        self._write(_SAVE)
        show()

    def on_unmount(self) -> None:
        """Restore the title."""
        if self._end is not None:
            self._end()
            self._write(_RESTORE)

    def _write(self, sequence: str) -> None:
        if isinstance(self.app, SafeApp):
            self.app.to_terminal(sequence)


def unread_rooms(rooms: Iterable[Room]) -> int:
    """Count accepted rooms with something unread; silenced ones only if someone mentioned the person."""
    return sum(
        1 for room in rooms if not room.request and (room.mentions or (room.unread and not room.muted))
    )


def title_sequence(count: int) -> str:
    """Return the sequence that sets the title."""
    number = f"({min(count, MOST)}) " if count > 0 else ""
    return f"\x1b]2;{number}Parlour\x07"
