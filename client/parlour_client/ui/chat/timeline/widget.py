"""The timeline widget: the messages of one room, as the chat screen tells of them.

It takes in what is new once a frame, and never asks the client for anything: it posts what it wants and what
was seen (`placing`), and ``Action`` for the selected message. The chat screen owns it.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run
from parlour_client.ui.chat.timeline.rows import is_message
from parlour_client.ui.chat.timeline.scroll_anchor import PlacedRows
from parlour_client.ui.chat.timeline.selection import Place
from parlour_client.ui.chat.timeline.store import Store
from parlour_client.ui.deferred import Deferred
from parlour_client.ui.terminal.column_anchoring import Anchored
from parlour_client.ui.terminal.throttle import Pace
from parlour_protocol.ids import RequestId, Seq
from parlour_protocol.names import UserName

KEEP: Final = 20_000
"""Entries in memory; when twice as many are there, the oldest go and can be paged in again."""


class Timeline(Anchored, PlacedRows, can_focus=True):
    """The messages of one room."""

    FOCUS_ON_CLICK = False  # keys become commands by the keyboard alone: whoever clicks goes on writing
    DEFAULT_CSS = "Timeline { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"

    def __init__(self, *, id: str | None = None, keep: int = KEEP) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._pending: list[Entry] = []
        self._keep = keep
        self._pace = Pace()
        self._arrivals = Deferred(self, self._flush)
        self.verified: Callable[[UserName], bool] = lambda _: True
        """Whether somebody's key was compared; encrypted messages of others are marked."""
        self._timestamps = "minutes"

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
        if not follows and last is not None:
            more = self.new_below + max(0, run.high - last[1])
            self.new_below = max(more, self._since_the_end(run) if behind is not None else 0)
        self._draw_anew()

    def _since_the_end(self, run: Run) -> int:
        """Count what came since the end was in sight: single events overtake what is told as one change."""
        return run.high - 1 - self._read_told if self._read_told else 0

    def hole_left(self, hole: Hole, state: HoleState) -> None:
        """Say of a hole that it cannot be had, and why."""
        if self._store is not None:
            self._store.mark_hole(hole, state)
            self._draw_anew()

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
            self._draw_anew()

    def receive(self, receipts: Mapping[UserName, Seq]) -> None:
        """Say how far others have read, as far as they let it be known."""
        if self._store is not None:
            self._flush()
            self._store.receive(receipts)
            self._draw_anew()

    def dress(self, timestamps: str) -> None:
        """Show times as exactly as the setting says."""
        if timestamps != self._timestamps:
            self._timestamps = timestamps
            if self._store is not None:
                self._store.timestamps = timestamps
                self._make_anew()

    def trust_changed(self) -> None:
        """Mark anew who is verified."""
        self._make_anew()

    def ignore(self, users: AbstractSet[UserName]) -> None:
        """Fold the messages of these people."""
        if self._store is not None and users != self._store.ignored:
            self._store.ignored = users
            self._make_anew()

    def mark_unread(self, read: Seq) -> None:
        """Draw the line of what is new after ``read``."""
        if self._store is not None:
            self._store.read = read
            self._make_anew()

    def prepend(self, older: Sequence[Entry], *, complete: bool, holes: Sequence[Hole] = ()) -> None:
        """Put a page of older entries above; what is in sight stays."""
        if self._store is None:
            return
        self._flush()
        self._complete, self._asked_before = complete or not older, None
        self._store.note_older(loading=False)
        self._store.prepend(older)
        self._store.holes = sorted([*self._store.holes, *holes], key=lambda hole: hole.gap.before)
        self._draw_anew()

    def add(self, entry: Entry) -> None:
        """Add an entry; many that come at once are taken in together, once a frame."""
        if self._store is None:
            return
        self._pending.append(entry)
        self._arrivals.schedule(self._pace.delay())

    def change(self, entry: Entry) -> None:
        """Show the new state of an entry."""
        self.add(entry)

    def take_out(self, request: RequestId) -> None:
        """Take out an unsent entry."""
        if self._store is not None:
            self._flush()
            self._store.remove(request)
            self._draw_anew()

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

    def _draw_anew(self) -> None:
        """Draw every row in sight, in its place."""
        self._strips.clear()
        self._settle()

    def _make_anew(self) -> None:
        """Make every row from its entry again: what is said of it changed."""
        if self._store is not None:
            self._store.forget_rows()
            self._draw_anew()
