"""The block cursor of the timeline: which message is selected, and moving among messages.

It skips what is no message and what is folded into a row above. It draws nothing and decides no scrolling
but what brings the selected message into sight. ``Timeline`` inherits it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.drawing import DrawnRows
from parlour_client.ui.chat.timeline.entries import key_of
from parlour_client.ui.chat.timeline.rows import is_message
from parlour_client.ui.chat.timeline.store import Store
from parlour_protocol.ids import Seq


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the top of the view."""

    entry: Entry
    row: int


class SelectedRows(DrawnRows):
    """The part of the timeline that selects."""

    class Selected(Message):
        """Another message is selected, or none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._place: Place | None = None  # None: follow the newest

    def _flush(self) -> None:
        raise NotImplementedError

    def _settle(self) -> None:
        raise NotImplementedError

    def unknown_parents(self) -> Sequence[Seq]:
        """Return the answered messages that are not here to be quoted."""
        self._flush()
        return self._store.unknown_parents() if self._store is not None else ()

    def know_parents(self, parents: Sequence[Entry]) -> None:
        """Quote these messages where they are answered."""
        if self._store is not None and parents:
            self._store.parents |= {entry.seq: entry for entry in parents if entry.seq is not None}
            self._store.forget_rows()
            self._strips.clear()
            self._settle()

    @property
    def selected(self) -> Entry | None:
        """The entry under the block cursor."""
        index = self._selected_index()
        return self._store.entries[index] if self._store is not None and index is not None else None

    def _selected_index(self) -> int | None:
        if self._store is None or self._selected is None:
            return None
        self._flush()
        return next(
            (
                i
                for i in range(len(self._store) - 1, -1, -1)
                if key_of(self._store.entries[i]) == self._selected
            ),
            None,
        )

    def move_selection(self, step: int) -> None:
        """Select the next message above (-1) or below (+1); below the last one, none."""
        self._flush()
        store, index = self._store, self._selected_index()
        if store is None:
            return
        at = (len(store) if index is None else index) + step
        while 0 <= at < len(store) and not _is_selectable(store, at):
            at += step
        if 0 <= at < len(store):
            self.select(at)
        elif step > 0:
            self.clear_selection()
            self.follow()

    def select(self, index: int) -> None:
        """Put the block cursor on an entry and bring it into sight."""
        store = self._store
        if store is None:
            return
        self._selected = key_of(store.entries[index])
        height, top = store.height(index), store.top(index)
        view_top, view_height = round(self.scroll_y), self.size.height
        if top < view_top or height > view_height:
            self._place = Place(store.entries[index], 0)
        elif top + height > view_top + view_height:
            at, row = store.find(top + height - view_height)
            self._place = Place(store.entries[at], row)
        self._settle()
        self.refresh_bindings()
        self.post_message(self.Selected())

    def in_sight(self) -> list[tuple[int, int]]:
        """Return (row of the view, index) of each message that begins in sight."""
        store, top = self._store, round(self.scroll_y)
        if store is None or not len(store):
            return []
        rows = [(store.top(at) - top, at) for at in range(store.find(top)[0], len(store))]
        return [(y, at) for y, at in rows if 0 <= y < self.size.height and is_message(store.entries[at])]

    def clear_selection(self) -> None:
        """Take the block cursor away."""
        self._selected = None
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Selected())

    def open_or_fold(self) -> None:
        """Show the selected message whole, or fold it."""
        index = self._selected_index()
        if self._store is not None and index is not None:
            self._store.open_or_fold(index)
            self._strips.clear()
            self._settle()


def _is_selectable(store: Store, index: int) -> bool:
    return is_message(store.entries[index]) and not store.is_hidden(index)
