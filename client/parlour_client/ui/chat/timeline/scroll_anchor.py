"""Where the view of the timeline stands: it follows the newest message, or keeps its place.

The place is kept as (entry, row) and never as a number of rows from the top, so that older messages coming in
above, or a new width, cannot move what the person reads; only what is around it is measured. What comes into
sight is told by messages: ``OlderWanted``, ``HoleInSight``, ``ReadUpTo``, ``NewBelow``. ``Timeline`` inherits
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.holes import Hole, HoleState
from parlour_client.ui.chat.timeline.selection import Place, SelectedRows
from parlour_client.ui.chat.timeline.store import Store
from parlour_protocol.ids import Seq


class PlacedRows(SelectedRows):
    """The part of the timeline that scrolls."""

    new_below: reactive[int] = reactive(0)
    """Messages that came in below what is in sight."""

    @dataclass
    class OlderWanted(Message):
        """The top is near: page in what is older than ``before``."""

        before: Seq

    @dataclass
    class HoleInSight(Message):
        """Messages are missing near the view: load them."""

        hole: Hole

    @dataclass
    class ReadUpTo(Message):
        """The newest message was in sight."""

        seq: Seq

    @dataclass
    class NewBelow(Message):
        """``count`` messages are waiting below."""

        count: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._complete = False
        """Nothing older is to be had."""
        self._asked_before: Seq | None = None
        self._read_told = Seq(0)
        self._settling = False

    @property
    def follows(self) -> bool:
        """Whether the newest message is kept in sight."""
        return self._place is None

    @property
    def entries(self) -> Sequence[Entry]:
        """What is loaded, oldest first."""
        self._flush()
        return self._store.entries if self._store is not None else ()

    def follow(self) -> None:
        """Go to the newest message and stay there."""
        self._place = None
        self._settle()

    def reveal(self, seq: Seq) -> bool:
        """Bring an event into sight and select it; False when it is not loaded."""
        self._flush()
        index = self._store.index_of(seq) if self._store is not None else None
        if index is None:
            return False
        self.select(index)
        return True

    def _settle(self) -> None:
        """Measure what is around the view, then put the view where its place is."""
        store, height = self._store, self.size.height
        if store is None or not self._columns or not height:
            return
        if store.width != self._columns:
            store.estimate(self._columns)
            self._strips.clear()
        self._settling = True
        try:
            top = self._measured_top(store, height)
            self._set_rows(store.total)
            last = max(0, store.total - height)
            if top >= last:
                self._place = None
                top = last
            self.scroll_to(y=top, animate=False, force=True)
        finally:
            self._settling = False
        self._tell(store, top)
        self.refresh()

    def _set_rows(self, rows: int) -> None:
        """Set how many rows there are, with no layout of the whole screen: the scrollbar always stands."""
        size = Size(self._columns, rows)
        self.set_reactive(Widget.virtual_size, size)  # pyright: ignore[reportArgumentType] - it sees the value
        self.vertical_scrollbar.window_virtual_size = rows
        self.vertical_scrollbar.window_size = self.size.height
        self.vertical_scrollbar.refresh()

    def _measured_top(self, store: Store, height: int) -> int:
        """Return the row of the top of the view, after a page below and one above it were measured."""
        if self._place is None:
            self._measure_up(store, len(store), 2 * height)
            return max(0, store.total - height)
        index = store.index(self._place.entry)
        if index is None:
            self._place = None
            return self._measured_top(store, height)
        rows = 0
        at = index
        while at < len(store) and rows < 2 * height:
            rows += store.height(at)
            at += 1
        if at == len(store):
            self._measure_up(store, index, 2 * height)
        self._measure_up(store, index, height)
        return store.top(index) + max(0, min(self._place.row, store.height(index) - 1))

    @staticmethod
    def _measure_up(store: Store, index: int, rows: int) -> None:
        while index > 0 and rows > 0:
            index -= 1
            rows -= store.height(index)

    def _tell(self, store: Store, top: int) -> None:
        if self._place is None:
            self.new_below = 0
            newest = next((entry.seq for entry in reversed(store.entries) if entry.seq), Seq(0))
            if newest > self._read_told:
                self._read_told = newest
                self.post_message(self.ReadUpTo(newest))
        oldest = store.entries[0].seq if store.entries else None
        if top < self.size.height and not self._complete and oldest and oldest != self._asked_before:
            self._asked_before = oldest
            store.note_older(loading=True)
            self._strips.clear()
            self.post_message(self.OlderWanted(oldest))
            self.call_after_refresh(self._settle)
        self._tell_holes(store, top)

    def _tell_holes(self, store: Store, top: int) -> None:
        if not any(hole.state is HoleState.WAITING for hole in store.holes):
            return
        first, _ = store.find(max(0, top - self.size.height))
        last, _ = store.find(top + 2 * self.size.height)
        for index in range(first, last + 1):
            hole = store.hole_above(index)
            if hole is not None and hole.state is HoleState.WAITING:
                store.mark_hole(hole, HoleState.LOADING)
                self.post_message(self.HoleInSight(hole))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Note the new place when the person scrolled."""
        super().watch_scroll_y(old_value, new_value)
        if self._settling or self._store is None or not len(self._store):
            return
        row = round(new_value)
        if row >= self._store.total - self.size.height:
            self._place = None
        else:
            index, inside = self._store.find(row)
            self._place = Place(self._store.entries[index], inside)
        self._settle()

    def watch_new_below(self, count: int) -> None:
        """Tell the screen, which shows the pill."""
        self.post_message(self.NewBelow(count))

    def on_resize(self, _event: Resize) -> None:
        """Wrap anew; the place stays."""
        self._settle()
