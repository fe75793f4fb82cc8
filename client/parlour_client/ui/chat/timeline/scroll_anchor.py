"""The scroll position of the timeline: it follows the newest message, or keeps its place.

The place is kept as (entry, row) and never as a number of rows from the top, so that older messages loaded
above, or a new width, cannot move the text being read; only its surroundings are measured.
"""

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.store import Store


class ScrollAnchor:
    """The place at the top of the view."""

    def __init__(self) -> None:
        self.entry: Entry | None = None
        """None: the newest message is kept in sight."""
        self.row = 0

    @property
    def follows(self) -> bool:
        """Whether the newest message is kept visible."""
        return self.entry is None

    def follow(self) -> None:
        """Keep the newest message visible."""
        self.entry = None

    def hold(self, entry: Entry, row: int = 0) -> None:
        """Keep a row of an entry at the top."""
        self.entry, self.row = entry, row

    def scrolled_to(self, store: Store, row: int, height: int) -> None:
        """Take the row that the person scrolled to."""
        if row >= store.total - height:
            self.follow()
        else:
            index, inside = store.find(row)
            self.hold(store.entries[index], inside)

    def bring_into_view(self, store: Store, index: int, top: int, height: int) -> None:
        """Scroll as little as necessary to show a whole entry in the view that begins at row ``top``."""
        rows, first = store.height(index), store.top(index)
        if first < top or rows > height:
            self.hold(store.entries[index])
        elif first + rows > top + height:
            at, row = store.find(first + rows - height)
            self.hold(store.entries[at], row)

    def top(self, store: Store, height: int) -> int:
        """Return the row at the top of the view, after measuring a page below and one above it."""
        top = self._measured_top(store, height)
        last = max(0, store.total - height)
        if top >= last:
            self.follow()
        return min(top, last)

    def _measured_top(self, store: Store, height: int) -> int:
        index = store.index(self.entry) if self.entry is not None else None
        if index is None:
            self.follow()
            _measure_up(store, len(store), 2 * height)
            return max(0, store.total - height)
        rows, at = 0, index
        while at < len(store) and rows < 2 * height:
            rows += store.height(at)
            at += 1
        if at == len(store):
            _measure_up(store, index, 2 * height)
        _measure_up(store, index, height)
        return store.top(index) + max(0, min(self.row, store.height(index) - 1))


def _measure_up(store: Store, index: int, rows: int) -> None:
    while index > 0 and rows > 0:
        index -= 1
        rows -= store.height(index)
