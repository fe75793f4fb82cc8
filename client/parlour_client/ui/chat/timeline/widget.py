"""The timeline widget: the messages of one room, of which only visible rows are ever drawn.

It adds new entries once a frame, and never asks the client for anything: it posts what it needs and what was
seen (``OlderWanted``, ``HoleInSight``, ``ReadUpTo``, ``NewBelow``), and ``Act`` for the selected message.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.core.model import Entry
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.text.formatting import StyleKind
from parlour_client.ui.chat.deferred import Throttle
from parlour_client.ui.chat.timeline import keys
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run
from parlour_client.ui.chat.timeline.keys import MessageAction
from parlour_client.ui.chat.timeline.layout import DEFAULT, Layout
from parlour_client.ui.chat.timeline.painter import RowPainter
from parlour_client.ui.chat.timeline.pieces import Look
from parlour_client.ui.chat.timeline.positions import ScrollAnchor, Selection
from parlour_client.ui.chat.timeline.rows import counts_replies, is_message
from parlour_client.ui.chat.timeline.store import Store, key_of
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName

COSY_BELOW: Final = 60
"""Columns of a terminal in which messages are ``cosy``, whatever is wanted."""
KEEP: Final = 20_000
"""Entries in memory; at twice as many, the oldest are dropped and can be loaded again."""


class Timeline(ScrollView, can_focus=True):
    """The messages of one room."""

    FOCUS_ON_CLICK = False  # keys become commands only by keyboard: a click leaves the person writing
    DEFAULT_CSS = """
    Timeline {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        &.-at-end { scrollbar-visibility: hidden; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"timeline--{name}" for name in (*Look, *StyleKind)), "timeline--selected"
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = list(keys.BINDINGS)

    new_below: reactive[int] = reactive(0)
    """New messages below the visible ones."""

    @dataclass
    class OlderWanted(Message):
        """The top is near: load what is older than ``before``."""

        before: Seq

    @dataclass
    class HoleInSight(Message):
        """Messages are missing near the view: load them, ``downwards`` if it is below the top of the view."""

        hole: Hole
        downwards: bool

    @dataclass
    class ReadUpTo(Message):
        """The newest message was visible."""

        seq: Seq

    @dataclass
    class NewBelow(Message):
        """``count`` messages are waiting below."""

        count: int

    class Selected(Message):
        """Another message is selected, or none."""

    class RangeBegan(Message):
        """Moving selects more from now on."""

    @dataclass
    class Act(Message):
        """Run this action on that message."""

        action: MessageAction
        entry: Entry
        others: tuple[Entry, ...] = ()
        """All that are selected, from the top, if a range is."""

    def __init__(self, *, id: str | None = None, keep: int = KEEP) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._store: Store | None = None
        self._anchor = ScrollAnchor()
        self._selection = Selection()
        self._painter = RowPainter(self)
        self._column_anchors = ColumnAnchors()
        self._keep = keep
        self._pending: list[Entry] = []
        self._arrivals = Throttle(self, self.add_pending)
        self.verified: Callable[[UserName], bool] = lambda _: True
        """Whether somebody's key was compared; encrypted messages of others are marked."""
        self._layout = DEFAULT
        self._complete = False  # there are no older ones
        self._asked_before: Seq | None = None
        self._read_told = Seq(0)
        self._is_placing = False
        self._thumb = (0, 0)
        self._is_left = False
        self.add_class("-at-end")

    # --- entries

    @property
    def follows(self) -> bool:
        """Whether the newest message is kept visible."""
        return self._anchor.follows

    @property
    def entries(self) -> Sequence[Entry]:
        """The loaded entries, oldest first."""
        self.add_pending()
        return self._store.entries if self._store is not None and not self._is_left else ()

    def holds_only(self, bodies: tuple[type, ...]) -> bool:
        """Say whether no entry has another body, of those that wait to be drawn as well."""
        loaded = self._store.entries if self._store is not None and not self._is_left else ()
        return all(isinstance(entry.body, bodies) for entry in chain(loaded, self._pending))

    @property
    def holes(self) -> Sequence[Hole]:
        """The gaps between the entries."""
        return self._store.holes if self._store is not None else ()

    @property
    def top(self) -> tuple[Entry, int] | None:
        """The entry at the top of the view and its row there, while the view does not follow."""
        return (self._anchor.entry, self._anchor.row) if self._anchor.entry is not None else None

    def show(
        self,
        me: UserName,
        entries: Sequence[Entry],
        *,
        read: Seq | None = None,
        unread: int = 0,
        complete: bool,
        ignored: AbstractSet[UserName] = frozenset(),
        holes: Sequence[Hole] = (),
        around: tuple[Sequence[Entry], Run] | None = None,
        root: Seq | None = None,
    ) -> None:
        """Show a room, at the first of its ``unread`` messages or else at the end; with ``root``, a thread.

        ``around`` is what is loaded around the first unread message, if ``entries`` do not reach up to it.
        """
        self._is_left = False
        self._store = store = Store(me, entries, read=read)
        store.verified, store.ignored, store.layout = self.verified, ignored, self._fitting_layout
        store.holes, store.root, store.unread = list(holes), root, unread
        if around is not None:
            store.merge(*around)
        self._pending.clear()
        self._painter.forget_rows()
        self._complete, self._asked_before, self._read_told = complete, None, Seq(0)
        self._selection.clear()
        self.new_below = 0
        first = store.first_unread if read else None
        if first is not None:
            self._anchor.hold(store.entries[first])
        else:
            self._anchor.follow()
        self._place()

    def leave(self) -> None:
        """Let nobody choose a message here any more; the rows stay in sight until the next room's are there.

        A key would act on the message of that number in the other room.
        """
        self._is_left = True
        self.clear_selection()

    def empty(self) -> None:
        """Show nothing: no room is open."""
        self._is_left = False
        self._store = None
        self._selection.clear()
        self._anchor.follow()
        self._pending.clear()
        self._painter.forget_rows()
        self._set_rows(0, 0)
        self._refresh_changed()

    def add(self, entry: Entry) -> None:
        """Add or change an entry; many at once are added together, once a frame."""
        if self._store is not None:
            self._pending.append(entry)
            self._arrivals.changed()

    def add_pending(self) -> None:
        """Process what was added since the last frame."""
        pending, store = self._pending, self._store
        self._pending = []
        if store is None or not pending:
            return
        news, columns = 0, store.columns
        for entry in pending:
            is_new = store.put(entry)
            folds = entry.author in store.ignored
            if not is_new or folds or entry.reply_to is not None:
                self._painter.forget_rows()  # a quote, a header or a count elsewhere may have changed as well
            news += is_new and is_message(entry) and entry.author != store.me and not folds
        if store.columns != columns:  # a longer name
            self._painter.forget_rows()
        if not self._anchor.follows:
            self.new_below += news
        elif len(store) > 2 * self._keep:
            store.drop_oldest(len(store) - self._keep)
            self._complete = False
        self._place()

    def remove_unsent(self, request: RequestId) -> None:
        """Remove an unsent entry."""
        if self._store is not None:
            self.add_pending()
            self._store.remove(request)
            self._redraw()

    def prepend(self, older: Sequence[Entry], *, complete: bool, holes: Sequence[Hole] = ()) -> None:
        """Insert a page of older entries above; the visible ones stay in place."""
        if self._store is None:
            return
        self.add_pending()
        self._complete, self._asked_before = complete or not older, None
        self._store.note_older(loading=False)
        self._store.prepend(older)
        self._store.holes = sorted([*self._store.holes, *holes], key=lambda hole: hole.gap.before)
        self._redraw()

    def no_older(self) -> None:
        """Stop showing that older entries are being loaded: it failed, and scrolling retries."""
        if self._store is not None:
            self._asked_before = None
            self._store.note_older(loading=False)
            self._painter.forget_rows()
            self.refresh()

    def merge(
        self,
        entries: Sequence[Entry],
        run: Run,
        *,
        complete: bool | None = None,
        behind: Seq | None = None,
        root: Seq | None = None,
    ) -> None:
        """Insert a run of the log, or all of the thread of ``root``; the visible entries stay in place.

        ``behind`` is the newest event below which nothing new is missing: live events may have overtaken the
        ones between.
        """
        if self._store is None:
            return
        self.add_pending()
        self._store.root = root
        follows, last = self._anchor.follows, self._store.span
        self._store.merge(entries, run, behind=behind)
        if complete is not None:
            self._complete = complete
        if not follows and last is not None:
            more = self.new_below + max(0, run.high - last[1])
            self.new_below = max(more, self._since_the_end(run) if behind is not None else 0)
        self._redraw()

    def _since_the_end(self, run: Run) -> int:
        """Count new messages since the end was visible: single events overtake a change for many."""
        return run.high - 1 - self._read_told if self._read_told else 0

    def hole_left(self, hole: Hole, state: HoleState) -> None:
        """Show that a hole can't be loaded, and why."""
        if self._store is not None:
            self._store.mark_hole(hole, state)
            self._redraw()

    def retry_holes(self) -> None:
        """Retry holes that could not be loaded without a connection."""
        if self._store is not None:
            for hole in [hole for hole in self._store.holes if hole.state is HoleState.OFFLINE]:
                self._store.mark_hole(hole, HoleState.WAITING)
            self._redraw()

    def unknown_parents(self) -> Sequence[Seq]:
        """Return the parents that are missing for quotes."""
        self.add_pending()
        return self._store.unknown_parents() if self._store is not None else ()

    def know_parents(self, parents: Sequence[Entry]) -> None:
        """Quote these messages in their replies."""
        if self._store is not None and parents:
            self._store.parents |= {entry.seq: entry for entry in parents if entry.seq is not None}
            self._remake()

    # --- how it is shown

    def show_receipts(self, receipts: Mapping[UserName, Seq]) -> None:
        """Show how far others have read, as far as they share it."""
        if self._store is not None:
            self.add_pending()
            self._store.receive(receipts)
            self._redraw()

    def lay_out(self, layout: Layout) -> None:
        """Lay the messages out as the settings say."""
        if layout != self._layout:
            self._layout = layout
            self._redraw()

    @property
    def _fitting_layout(self) -> Layout:
        """The layout that the person wants, but for a small terminal."""
        return replace(self._layout, style="cosy") if self.app.size.width < COSY_BELOW else self._layout

    def trust_changed(self) -> None:
        """Update the marks of verified people."""
        self._remake()

    def ignore(self, users: AbstractSet[UserName]) -> None:
        """Fold the messages of these people."""
        if self._store is not None and users != self._store.ignored:
            self._store.ignored = users
            self._remake()

    def mark_unread(self, read: Seq, unread: int) -> None:
        """Draw the line for new messages after ``read``."""
        if self._store is not None:
            self._store.read, self._store.unread = read, unread
            self._remake()

    def _redraw(self) -> None:
        """Draw every visible row again, in its place."""
        self._painter.forget_rows()
        self._place()

    def _remake(self) -> None:
        """Make every row from its entry again, because its notes changed."""
        if self._store is not None:
            self._store.forget_rows()
            self._redraw()

    def notify_style_update(self) -> None:
        """Draw all again: the theme changed."""
        super().notify_style_update()
        self._painter.forget_styles()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw rows."""
        self._painter.begin_frame()
        if self._painter.is_bare:
            strips = self._painter.lines(self._store, self._selection.keys, crop)
        else:
            strips = super().render_lines(crop)
        return self._column_anchors.anchor(self, strips, crop)

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        return self._painter.line(self._store, self._selection.keys, y)

    # --- the position of the view

    def follow(self) -> None:
        """Scroll to the newest message and stay there."""
        self._anchor.follow()
        self._place()

    def scroll_page(self, step: int) -> None:
        """Scroll by a page, down (1) or up (-1), but not over messages that are still being loaded."""
        store, top = self._store, round(self.scroll_y)
        if store is None:
            return
        to = top + step * max(1, self.size.height - 2)
        for hole in store.holes:
            below = store.index_of(hole.gap.before)
            if below is None or hole.state not in {HoleState.WAITING, HoleState.LOADING}:
                continue
            row = store.top(below)
            if step > 0 and top < row <= to:
                to = row - 1
            elif step < 0 and to < row <= top:
                to = row
        self.scroll_to(y=to, animate=False)

    def has(self, seq: Seq) -> bool:
        """Say whether an event is loaded."""
        self.add_pending()
        return self._store is not None and self._store.index_of(seq) is not None

    def holds(self, entry: Entry) -> bool:
        """Say whether the thread has an entry, or the message that it replies to."""
        self.add_pending()
        store = self._store
        if store is None:
            return False
        answered = entry.reply_to
        is_answer = answered is not None and (answered == store.root or store.index_of(answered) is not None)
        return is_answer or store.index(entry) is not None

    def first_known(self, entry: Entry) -> Entry:
        """Return the first message of an entry's thread, as far as it is loaded."""
        seen = {entry.seq}
        while self._store is not None and entry.reply_to not in {None, *seen}:
            seen.add(entry.reply_to)
            above = self._store.parent_of(entry)
            if above is None:
                break
            entry = above
        return entry

    def reveal(self, seq: Seq) -> bool:
        """Scroll an event into view and select it; False if it is not loaded."""
        self.add_pending()
        index = self._store.index_of(seq) if self._store is not None else None
        if index is None:
            return False
        self.select(index)
        return True

    def _place(self) -> None:
        """Measure its surroundings, then scroll the view to its anchor."""
        store, height, columns = self._store, self.size.height, self._painter.columns
        if store is None or columns < 1 or not height:
            return
        layout = self._fitting_layout
        if store.width != columns or store.layout != layout:
            store.layout = layout
            store.estimate(columns)
            self._painter.forget_rows()
        self._is_placing = True
        try:
            top = self._anchor.top(store, height)
            self._set_rows(store.total, top)
            self.scroll_to(y=top, animate=False, force=True)
        finally:
            self._is_placing = False
        self._tell(store, top)
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        """Draw the rows again that are not what they were."""
        self._painter.begin_frame()
        if changed := self._painter.changed(self._store, self._selection.keys):
            self.refresh(*changed)

    def _set_rows(self, rows: int, top: int) -> None:
        """Set the number of rows, without a layout of the whole screen: the scrollbar always has its column.

        It is hidden at the end (``-at-end``), and drawn again where its thumb moved.
        """
        height = self.size.height
        size = Size(self.scrollable_content_region.width, rows)
        self.set_reactive(Widget.virtual_size, size)  # pyright: ignore[reportArgumentType] - it sees the value
        bar = self.vertical_scrollbar
        bar.set_reactive(ScrollBar.window_virtual_size, rows)  # pyright: ignore[reportArgumentType]
        bar.set_reactive(ScrollBar.window_size, height)  # pyright: ignore[reportArgumentType]
        bar.set_reactive(ScrollBar.position, float(top))  # pyright: ignore[reportArgumentType]
        thumb = (0, 0) if self._anchor.follows else _thumb(rows, height, top)
        if thumb != self._thumb:
            self._thumb = thumb
            self.set_class(self._anchor.follows, "-at-end")
            bar.refresh()

    def _tell(self, store: Store, top: int) -> None:
        """Post what became visible."""
        if self._anchor.follows:
            self.new_below = 0
            newest = next((entry.seq for entry in reversed(store.entries) if entry.seq), Seq(0))
            if newest > self._read_told:
                self._read_told = newest
                self.post_message(self.ReadUpTo(newest))
        oldest = store.entries[0].seq if store.entries else None
        if top < self.size.height and not self._complete and oldest and oldest != self._asked_before:
            self._asked_before = oldest
            store.note_older(loading=True)
            self._painter.forget_rows()
            self.post_message(self.OlderWanted(oldest))
            self.call_after_refresh(self._place)
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
                self.post_message(self.HoleInSight(hole, downwards=store.top(index) > top))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Hold the new position when the person scrolled; ``_place`` itself draws what changed."""
        if self._is_placing:
            return
        super().watch_scroll_y(old_value, new_value)
        if self._store is not None and len(self._store):
            self._anchor.scrolled_to(self._store, round(new_value), self.size.height)
            self._place()

    def watch_new_below(self, count: int) -> None:
        """Post how many messages are below."""
        self.post_message(self.NewBelow(count))

    def watch_has_focus(self, has_focus: bool) -> None:  # noqa: FBT001 - Textual's name and order
        """Draw the selection as strong as the focus."""
        super().watch_has_focus(has_focus)
        self._refresh_changed()

    def on_resize(self, _event: Resize) -> None:
        """Wrap again; the position stays."""
        self._place()

    def in_sight(self) -> list[tuple[int, int]]:
        """Return (row of the view, index) of each message that begins in the view."""
        store, top = self._store, round(self.scroll_y)
        if store is None or not len(store) or self._is_left:
            return []
        above = self._painter.rows_above(store, self.size.height)
        rows = [(store.top(at) - top + above, at) for at in range(store.find(top)[0], len(store))]
        return [(y, at) for y, at in rows if 0 <= y < self.size.height and is_message(store.entries[at])]

    def on_click(self, event: Click) -> None:
        """Open a thread by the row that counts its replies."""
        store = self._store
        if store is None or self._is_left:
            return
        row = round(self.scroll_y) + event.y - self._painter.rows_above(store, self.size.height)
        if 0 <= row < store.total:
            index, inside = store.find(row)
            if counts_replies(store.entries[index], store.rows(index)[inside]):
                self.post_message(self.Act(MessageAction.THREAD, store.entries[index]))

    # --- the selected message

    @property
    def selected(self) -> Entry | None:
        """The selected entry."""
        if self._store is None or self._selection.key is None:
            return None
        self.add_pending()
        index = self._selection.index(self._store)
        return self._store.entries[index] if index is not None else None

    def move_selection(self, step: int) -> None:
        """Select the next message above (-1) or below (+1); below the last one, none."""
        self.add_pending()
        if self._store is None or self._is_left:
            return
        index = self._selection.next(self._store, step, self._last_seen(self._store))
        if index is not None:
            self.select(index)
        elif step > 0:
            self.clear_selection()
            self.follow()

    def _last_seen(self, store: Store) -> int:
        """Return the lowest entry that ends in the view, or the one that fills it."""
        if self._anchor.follows or not len(store):
            return len(store) - 1
        bottom = min(store.total, round(self.scroll_y) + self.size.height) - 1
        at, inside = store.find(bottom)
        top = store.find(round(self.scroll_y))[0]
        return at if inside == len(store.rows(at)) - 1 else max(top, at - 1)

    def select(self, index: int) -> None:
        """Select an entry and scroll it into view."""
        store = self._store
        if store is not None and not self._is_left:
            self._selection.choose(store, index)
            self._anchor.bring_into_view(store, index, round(self.scroll_y), self.size.height)
            self._place()
            self.refresh_bindings()
            self.post_message(self.Selected())

    def clear_selection(self) -> None:
        """Clear the selection."""
        self._selection.clear()
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Selected())

    def action_move(self, step: int) -> None:
        """Move the selection."""
        self.move_selection(step)

    def action_open(self) -> None:
        """Show the selected message whole, or fold it; if it has nothing to show, open its thread."""
        if self._store is not None and (selected := self.selected) is not None:
            index = self._store.index(selected)
            if index is not None:
                if self._store.open_or_fold(index):
                    self._redraw()
                elif selected.replies and self._store.root is None:
                    self.post_message(self.Act(MessageAction.THREAD, selected))

    def action_markers(self) -> None:
        """Show the selected message with the markers that were sent, or without them again."""
        if self._store is not None and (selected := self.selected) is not None:
            index = self._store.index(selected)
            if index is not None:
                self._store.show_as_sent(index)
                self._redraw()

    def action_newest(self) -> None:
        """Leave the selection and follow the newest message."""
        self.clear_selection()
        self.follow()

    def action_range(self) -> None:
        """Select more with each move, from the selected message on, or no more."""
        if self.selected is None:
            self.move_selection(-1)
        began = self._selection.begin_or_end_range()
        self._refresh_changed()
        self.post_message(self.RangeBegan() if began else self.Selected())

    @property
    def _range(self) -> tuple[Entry, ...]:
        """All that are selected, if more than one can be."""
        if self._store is None or not self._selection.is_range:
            return ()
        return tuple(entry for entry in self._store.entries if key_of(entry) in self._selection.keys)

    def action_act(self, name: str) -> None:
        """Post an action on the selected message; without one, select the newest first."""
        if self.selected is None:
            self.move_selection(-1)
        elif (entry := self.selected) is not None:
            self.post_message(self.Act(MessageAction[name], entry, self._range))


def _thumb(rows: int, height: int, top: int) -> tuple[int, int]:
    """Return where the scrollbar's thumb begins and its size, in eighths of a cell, as Textual draws it."""
    if rows <= height:
        return 0, 0
    size = max(1, height * height / rows)
    return int((height - size) * top / (rows - height) * 8), math.ceil(size * 8)
