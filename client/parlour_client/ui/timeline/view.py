"""The timeline widget: scrolls, follows the newest message, keeps its place, and draws the rows in sight.

The place is kept as (entry, row) and never as a number of rows from the top, so that older messages coming in
above, or a new width, cannot move what the person reads. It never asks the client for anything: it posts
``OlderWanted``, ``ReadUpTo`` and ``Action``. The chat screen owns it.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from parlour_client.core.model import Entry
from parlour_client.ui.anchored import Anchored
from parlour_client.ui.pace import Pace
from parlour_client.ui.timeline.holes import Hole, HoleState, Run
from parlour_client.ui.timeline.rows import is_message
from parlour_client.ui.timeline.selecting import Place, SelectedRows
from parlour_client.ui.timeline.store import Store
from parlour_protocol.ids import RequestId, Seq
from parlour_protocol.names import UserName

KEEP: Final = 20_000
"""Entries in memory; when twice as many are there, the oldest go and can be paged in again."""


class Timeline(Anchored, SelectedRows, can_focus=True):
    """The messages of one room."""

    DEFAULT_CSS = "Timeline { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"

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

    def __init__(self, *, id: str | None = None, keep: int = KEEP) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._complete = False
        self._asked_before: Seq | None = None
        self._read_told = Seq(0)
        self._pending: list[Entry] = []
        self._settling = False
        self._keep = keep
        self._pace = Pace()
        self.verified: Callable[[UserName], bool] = lambda _: True
        """Whether somebody's key was compared; encrypted messages of others are marked."""
        self._timestamps = "minutes"

    # --- what the screen tells it

    def show(
        self,
        me: UserName,
        entries: Sequence[Entry],
        *,
        read: Seq | None = None,
        complete: bool,
        ignored: AbstractSet[UserName] = frozenset(),
        holes: Sequence[Hole] = (),
    ) -> None:
        """Show a room anew, at the first unread message or else at the end."""
        self._store = Store(me, entries, read=read)
        self._store.verified = self.verified
        self._store.ignored = ignored
        self._store.timestamps = self._timestamps
        self._store.holes = list(holes)
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

    def merge(
        self,
        entries: Sequence[Entry],
        run: Run,
        *,
        complete: bool | None = None,
        behind: Seq | None = None,
    ) -> None:
        """Put a run of the log in its place; what is in sight stays.

        ``behind`` is the newest event below which nothing new is missing: live events may have overtaken
        the ones between.
        """
        if self._store is None:
            return
        self._flush()
        follows, last = self._place is None, self._store.span
        self._store.merge(entries, run, behind=behind)
        if complete is not None:
            self._complete = complete
        if not follows and last is not None and run.high > last[1]:
            self.new_below += run.high - last[1]
        self._strips.clear()
        self._settle()

    def hole_left(self, hole: Hole, state: HoleState) -> None:
        """Say of a hole that it cannot be had, and why."""
        if self._store is not None:
            self._store.mark_hole(hole, state)
            self._strips.clear()
            self._settle()

    def no_older(self) -> None:
        """Take back that older entries are being loaded: it failed, and scrolling tries again."""
        if self._store is not None:
            self._asked_before = None
            self._store.note_older(loading=False)
            self._strips.clear()
            self.refresh()

    def retry_holes(self) -> None:
        """Try again what could not be had without a connection."""
        if self._store is not None:
            for hole in [hole for hole in self._store.holes if hole.state is HoleState.OFFLINE]:
                self._store.mark_hole(hole, HoleState.WAITING)
            self._strips.clear()
            self._settle()

    def receive(self, receipts: Mapping[UserName, Seq]) -> None:
        """Say how far others have read, as far as they let it be known."""
        if self._store is not None:
            self._flush()
            self._store.receive(receipts)
            self._strips.clear()
            self._settle()

    def dress(self, timestamps: str) -> None:
        """Show times as exactly as the setting says."""
        if timestamps != self._timestamps:
            self._timestamps = timestamps
            if self._store is not None:
                self._store.timestamps = timestamps
                self.trust_changed()

    def trust_changed(self) -> None:
        """Mark anew who is verified."""
        if self._store is not None:
            self._store.forget_rows()
            self._strips.clear()
            self._settle()

    def ignore(self, users: AbstractSet[UserName]) -> None:
        """Fold the messages of these people."""
        if self._store is not None and users != self._store.ignored:
            self._store.ignored = users
            self._store.forget_rows()
            self._strips.clear()
            self._settle()

    def mark_unread(self, read: Seq) -> None:
        """Draw the line of what is new after ``read``."""
        if self._store is not None:
            self._store.read = read
            self._store.forget_rows()
            self._strips.clear()
            self._settle()

    def prepend(self, older: Sequence[Entry], *, complete: bool, holes: Sequence[Hole] = ()) -> None:
        """Put a page of older entries above; what is in sight stays."""
        if self._store is None:
            return
        self._flush()
        self._complete, self._asked_before = complete or not older, None
        self._store.note_older(loading=False)
        self._store.prepend(older)
        self._store.holes = sorted([*self._store.holes, *holes], key=lambda hole: hole.gap.before)
        self._strips.clear()
        self._settle()

    def add(self, entry: Entry) -> None:
        """Add an entry; many that come at once are taken in together, once a frame."""
        if self._store is None:
            return
        delay = self._pace.delay()
        if not self._pending:
            self.set_timer(delay, self._flush)
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
            folds = entry.author in store.ignored
            if not is_new or folds or entry.reply_to is not None:
                self._strips.clear()  # a quote, a header or a count elsewhere may have changed as well
            news += is_new and is_message(entry) and entry.author != store.me and not folds
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
