"""The timeline widget: scrolls, follows the newest message, keeps its place, and draws the rows in sight.

The place is kept as (entry, row) and never as a number of rows from the top, so that older messages coming in
above, or a new width, cannot move what the person reads. It never asks the client for anything: it posts
``OlderWanted``, ``ReadUpTo`` and ``Action``. The chat screen owns it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from parlour_client.core.model import Entry
from parlour_client.ui.anchored import Anchored
from parlour_client.ui.timeline.drawing import DrawnRows
from parlour_client.ui.timeline.rows import is_message
from parlour_client.ui.timeline.store import Store, key_of
from parlour_protocol.ids import RequestId, Seq
from parlour_protocol.names import UserName

KEEP: Final = 20_000
"""Entries in memory; when twice as many are there, the oldest go and can be paged in again."""
FRAME: Final = 1 / 60


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the top of the view."""

    entry: Entry
    row: int


class Timeline(Anchored, DrawnRows, can_focus=True):
    """The messages of one room."""

    DEFAULT_CSS = "Timeline { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"

    new_below: reactive[int] = reactive(0)
    """Messages that came in below what is in sight."""

    @dataclass
    class OlderWanted(Message):
        """The top is near: page in what is older than ``before``."""

        before: Seq

    @dataclass
    class ReadUpTo(Message):
        """The newest message was in sight."""

        seq: Seq

    @dataclass
    class NewBelow(Message):
        """``count`` messages are waiting below."""

        count: int

    def __init__(self, *, id: str | None = None, keep: int = KEEP) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._place: Place | None = None  # None: follow the newest
        self._complete = False
        self._asked_before: Seq | None = None
        self._read_told = Seq(0)
        self._pending: list[Entry] = []
        self._settling = False
        self._keep = keep

    # --- what the screen tells it

    def show(
        self, me: UserName, entries: Sequence[Entry], *, read: Seq | None = None, complete: bool
    ) -> None:
        """Show a room anew, at the first unread message or else at the end."""
        self._store = Store(me, entries, read=read)
        self._pending.clear()
        self._strips.clear()
        self._complete, self._asked_before, self._read_told = complete, None, Seq(0)
        self._selected = None
        self.new_below = 0
        unread = self._store.first_unread if read else None
        self._place = Place(self._store.entries[unread], 0) if unread is not None else None
        self._settle()

    def empty(self) -> None:
        """Show nothing: no room is open."""
        self._store = self._place = self._selected = None
        self._pending.clear()
        self._strips.clear()
        self._set_rows(0)
        self.refresh()

    def renew(self, entries: Sequence[Entry], *, complete: bool) -> None:
        """Take the room's entries anew and keep the place (a gap was filled)."""
        if self._store is None:
            return
        opened, width, read = self._store.opened, self._store.width, self._store.read
        self._store = Store(self._store.me, entries, read=read)
        self._store.opened = opened
        self._store.estimate(width)
        self._complete, self._asked_before = complete, None
        self._strips.clear()
        self._settle()

    def prepend(self, older: Sequence[Entry], *, complete: bool) -> None:
        """Put a page of older entries above; what is in sight stays."""
        if self._store is None:
            return
        self._flush()
        self._complete, self._asked_before = complete or not older, None
        self._store.prepend(older)
        self._strips.clear()
        self._settle()

    def add(self, entry: Entry) -> None:
        """Add an entry; many that come at once are taken in together, once a frame."""
        if self._store is None:
            return
        if not self._pending:
            self.set_timer(FRAME, self._flush)
        self._pending.append(entry)

    def change(self, entry: Entry) -> None:
        """Show the new state of an entry."""
        self.add(entry)

    def take_out(self, request: RequestId) -> None:
        """Take out an unsent entry."""
        if self._store is not None:
            self._flush()
            self._store.remove(request)
            self._strips.clear()
            self._settle()

    def _flush(self) -> None:
        pending, store = self._pending, self._store
        self._pending = []
        if store is None or not pending:
            return
        news = 0
        for entry in pending:
            is_new = store.put(entry)
            if not is_new:
                self._strips.clear()  # a quote or a header elsewhere may have changed as well
            news += is_new and is_message(entry) and entry.author != store.me
        if self._place is not None:
            self.new_below += news
        elif len(store) > 2 * self._keep:
            store.drop_oldest(len(store) - self._keep)
            self._complete = False
        self._settle()

    # --- where the view stands

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
        return store.top(index) + min(self._place.row, store.height(index) - 1)

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
            self.post_message(self.OlderWanted(oldest))

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

    # --- selection

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
        while 0 <= at < len(store) and not is_message(store.entries[at]):
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

    def open_or_fold(self) -> None:
        """Show the selected message whole, or fold it."""
        index = self._selected_index()
        if self._store is not None and index is not None:
            self._store.open_or_fold(index)
            self._strips.clear()
            self._settle()
