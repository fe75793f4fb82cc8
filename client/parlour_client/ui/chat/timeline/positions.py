"""The positions in a timeline: the view follows the newest message or keeps its place; one may be selected.

The place is kept as (entry, row) and never as a number of rows from the top, so that older messages loaded
above, or a new width, cannot move the text being read; only its surroundings are measured. Moving the cursor
skips rows other than messages and folded ones.
"""

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.rows import is_message
from parlour_client.ui.chat.timeline.store import Key, Store, key_of


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
        """Hold the row that the person scrolled to, or follow at the end."""
        if row >= store.total - height:
            self.follow()
        else:
            index, inside = store.find(row)
            self.hold(store.entries[index], inside)

    def bring_into_view(self, store: Store, index: int, top: int, height: int) -> None:
        """Scroll as little as necessary to show a whole entry in the view that begins at row ``top``."""
        _measure_up(store, index + 1, height)
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


class Selection:
    """The selection of a timeline."""

    def __init__(self) -> None:
        self.key: Key | None = None
        """The entry that keys act on; None: none is selected."""
        self.keys: frozenset[Key] = frozenset()
        """All that are selected: this one, or a range that ends with it."""
        self._start: Key | None = None
        """Where the range begins."""

    def clear(self) -> None:
        """Select nothing."""
        self.key = self._start = None
        self.keys = frozenset()

    def choose(self, store: Store, index: int) -> None:
        """Select an entry, or all from the one where the range begins."""
        self.key = key_of(store.entries[index])
        begin = _position(store, self._start)
        first, last = (index, index) if begin is None else sorted((begin, index))
        between = range(first, last + 1)
        self.keys = frozenset(key_of(store.entries[at]) for at in between if is_message(store.entries[at]))

    def begin_or_end_range(self) -> bool:
        """Begin a range at the selected entry, or leave the one there is; says whether it began."""
        self._start = self.key if self._start is None else None
        self.keys = frozenset(key for key in (self.key,) if key is not None)
        return self._start is not None

    @property
    def is_range(self) -> bool:
        """Whether moving selects more."""
        return self._start is not None

    def index(self, store: Store) -> int | None:
        """Return the position of the selected entry."""
        return _position(store, self.key)

    def next(self, store: Store, step: int, last_seen: int) -> int | None:
        """Return the next message above (-1) or below (+1); None if there is none.

        Without a selection a person starts at ``last_seen``, the lowest entry in the view.
        """
        index = self.index(store)
        at = index + step if index is not None else last_seen + (step > 0)
        while 0 <= at < len(store):
            if is_message(store.entries[at]) and not store.is_hidden(at):
                return at
            at += step
        return None


def _position(store: Store, key: Key | None) -> int | None:
    if key is None:
        return None
    return next((at for at in range(len(store) - 1, -1, -1) if key_of(store.entries[at]) == key), None)
