"""The entries of one room in order, with the height of each: stored ones by number, then unsent ones.

It knows rows only as numbers and never draws; heights are estimates until they are measured. It never
contains an entry twice: a second arrival of the same event or request changes the first. ``widget`` owns it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from textual.cache import LRUCache

from parlour_client.core.model import Entry, Gap, display_name
from parlour_client.kit.language import _
from parlour_client.text.date_text import day_number, stamp
from parlour_client.ui.chat.timeline.heights import Heights
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run, covered
from parlour_client.ui.chat.timeline.layout import DEFAULT, Columns
from parlour_client.ui.chat.timeline.pieces import Row
from parlour_client.ui.chat.timeline.rows import MOST_FOLDED, Setting, is_message, rows_of
from parlour_protocol.frames import bodies
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text.cell_width import cell_width

CACHED_ENTRIES: Final = 500
CONTINUES_WITHIN: Final = 5 * 60_000
"""Milliseconds in which the same author continues without a new header."""
_LOOKED_BACK: Final = 1_000
"""Entries of others that are skipped to find the message that a receipt is shown under."""


Key = Seq | RequestId


def key_of(entry: Entry) -> Key:
    """Return the key that identifies the entry within its room."""
    key = entry.seq if entry.seq is not None else entry.request
    assert key is not None, "an entry is stored or asked for"  # noqa: S101 - the core's promise
    return key


def seq_of(entry: Entry) -> Seq:
    """Return the number of an entry, 0 if it has none."""
    return entry.seq or Seq(0)


class Store:
    """Entries with their heights, the ignored authors among them, and the gaps between them."""

    def __init__(self, me: UserName, entries: Iterable[Entry] = (), *, read: Seq | None = None) -> None:
        self.me = me
        self.entries: list[Entry] = []
        self.ignored: AbstractSet[UserName] = frozenset()
        """Whose messages are folded."""
        self.verified: Callable[[UserName], bool] = lambda _: True
        """Whether somebody's key was compared."""
        self.unfolded: set[UserName] = set()
        """Ignored people whose messages are shown here all the same."""
        self.holes: list[Hole] = []
        self.parents: dict[Seq, Entry] = {}
        """Answered messages that are not among the entries, for the quotes."""
        self.read = read
        """The read marker that the room was opened with."""
        self.unread = 0
        """The messages of others behind it then; 0: not known."""
        self.root: Seq | None = None
        """The first message of the thread that these entries are; None: they are those of the room."""
        self._stored = 0  # this many entries, from the first on, have a number
        self.width = 0
        """What rows are measured at."""
        self.opened: set[Key] = set()
        """Long messages that are shown whole."""
        self.uncovered: set[Key] = set()
        """Messages whose spoilers are shown."""
        self.as_sent: set[Key] = set()
        """Messages that are shown with their markers."""
        self.layout = DEFAULT
        self._longest_name = 0
        """Cells of the longest name that was seen: the column of names only grows."""
        self.loading_older = False
        self._receipts: Mapping[UserName, Seq] = {}
        self._read_by: Mapping[Seq, tuple[UserName, ...]] = {}
        self._heights = Heights()
        self._exact: list[bool] = []
        self._rows: LRUCache[Key, tuple[Row, ...]] = LRUCache(CACHED_ENTRIES)
        self._load(entries)

    @property
    def total(self) -> int:
        """The rows of all entries, partly estimated."""
        return self._heights.total

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def span(self) -> tuple[Seq, Seq] | None:
        """The ends, exclusive, of the numbers that are loaded."""
        if not self._stored:
            return None
        return Seq((self.entries[0].seq or 1) - 1), Seq((self.entries[self._stored - 1].seq or 0) + 1)

    def hole_above(self, index: int) -> Hole | None:
        """Return the gap right above an entry."""
        entry = self.entries[index]
        if entry.seq is None or not self.holes:
            return None
        at = bisect_left(self.holes, entry.seq + 1, key=lambda hole: hole.gap.before) - 1
        before = self.entries[index - 1].seq or Seq(0) if index else Seq(0)
        return self.holes[at] if at >= 0 and self.holes[at].gap.before > before else None

    def index(self, entry: Entry) -> int | None:
        """Return an entry's position, whether it was unsent or stored when it was added."""
        if entry.seq is not None and (found := self.index_of(entry.seq)) is not None:
            return found
        if entry.request is not None:
            for index in range(len(self.entries) - 1, self._stored - 1, -1):
                if self.entries[index].request == entry.request:
                    return index
        return None

    def index_of(self, seq: Seq) -> int | None:
        """Return the position of event ``seq``."""
        at = bisect_left(self.entries, seq, hi=self._stored, key=seq_of)
        return at if at < self._stored and self.entries[at].seq == seq else None

    def by_seq(self, seq: Seq | None) -> Entry | None:
        """Return the entry of event ``seq`` if it is loaded."""
        index = self.index_of(seq) if seq is not None else None
        return self.entries[index] if index is not None else None

    def parent_of(self, entry: Entry) -> Entry | None:
        """Return the message that an entry replies to if it is known."""
        return self.by_seq(entry.reply_to) or self.parents.get(entry.reply_to or Seq(0))

    def unknown_parents(self) -> list[Seq]:
        """Return the parents that are missing for quotes, those of the newest replies first."""
        wanted = {entry.reply_to: None for entry in reversed(self.entries) if entry.reply_to is not None}
        return [seq for seq in wanted if seq not in self.parents and self.index_of(seq) is None]

    @property
    def first_unread(self) -> int | None:
        """Return the index of the first entry after the read marker that the room was opened with."""
        if self.read is None:
            return None
        at = bisect_left(self.entries, Seq(self.read + 1), hi=self._stored, key=seq_of)
        return at if at < self._stored else None

    # --- changes

    def _load(self, entries: Iterable[Entry]) -> None:
        shown = [entry for entry in entries if _is_shown(entry)]
        stored = {entry.seq: entry for entry in shown if entry.seq is not None}
        unsent = {entry.request: entry for entry in shown if entry.seq is None}
        self.entries = [*(stored[seq] for seq in sorted(stored)), *unsent.values()]
        self._stored = len(stored)
        self.estimate(self.width)

    def estimate(self, width: int) -> None:
        """Forget measured heights; estimate each for rows of this width."""
        self.width = width
        self._note_names(self.entries)
        self._heights = Heights(self._estimated(self.entries))
        self._exact = [False] * len(self.entries)
        self._rows.clear()

    def _estimated(self, entries: Iterable[Entry]) -> Iterator[int]:
        columns = self.columns
        least, cells = 1 if columns.name else 2, columns.text
        return (least + len(entry.text or "") // cells for entry in entries)

    @property
    def columns(self) -> Columns:
        """Where times, names and texts are."""
        return self.layout.columns(self.width, self._longest_name)

    def _note_names(self, entries: Iterable[Entry]) -> None:
        """Make the column of names as wide as these authors need."""
        names = {display_name(entry.author) for entry in entries if is_message(entry)}
        longest = max(map(cell_width, names), default=0)
        if longest > self._longest_name:
            before, self._longest_name = self.columns, longest
            if self.columns != before:
                self.forget_rows()

    def prepend(self, older: Sequence[Entry]) -> None:
        """Insert a page of older entries before the first one."""
        first = self.entries[0].seq if self._stored else None
        fresh = [e for e in older if e.seq is not None and _is_shown(e) and (first is None or e.seq < first)]
        self._note_names(fresh)
        self._heights = Heights(
            [*self._estimated(fresh), *(self._heights[i] for i in range(len(self.entries)))]
        )
        self._exact = [*([False] * len(fresh)), *self._exact]
        self.entries = [*fresh, *self.entries]
        self._stored += len(fresh)
        self._forget_at(len(fresh))
        self._place_receipts()

    def merge(self, entries: Iterable[Entry], run: Run, *, behind: Seq | None = None) -> int:
        """Insert a run of the log, wherever it is; returns how many entries are new.

        Heights of existing entries are kept, so that the view does not move. With ``behind``, all between it
        and the run is missing, whatever is there.
        """
        fresh = {entry.seq: entry for entry in entries if entry.seq is not None and _is_shown(entry)}
        span = self.span
        if span is not None and behind is not None:
            span = (span[0], min(span[1], Seq(behind + 1)))
        known = {entry.seq: i for i, entry in enumerate(self.entries[: self._stored])}
        heights = {i: self._heights[i] for i in range(len(self.entries))}
        changed = {seq for seq in fresh.keys() & known.keys() if self.entries[known[seq]] != fresh[seq]}
        stored = {seq_of(entry): entry for entry in self.entries[: self._stored]}
        stored |= {seq_of(entry): entry for entry in fresh.values()}
        order: list[tuple[Entry, int | None]] = [
            (stored[seq], None if seq in changed else known.get(seq)) for seq in sorted(stored)
        ]
        order += [(self.entries[i], i) for i in range(self._stored, len(self.entries))]
        self._note_names(fresh.values())
        guesses = self._estimated(entry for entry, _ in order)
        self._heights = Heights(
            heights[was] if was is not None else guess for (_, was), guess in zip(order, guesses, strict=True)
        )
        self.entries = [entry for entry, _ in order]
        self._stored = len(stored)
        if self.entries:
            room = Gap(self.entries[0].room, Seq(0), Seq(0))
            self.holes = covered(self.holes, run, span, room)
        self.forget_rows()
        self._place_receipts()
        return len(fresh.keys() - known.keys())

    def forget_rows(self) -> None:
        """Lay every entry out again when it is visible; heights become estimates."""
        self._rows.clear()
        self._exact = [False] * len(self.entries)

    def mark_hole(self, hole: Hole, state: HoleState) -> None:
        """Set the state of a hole."""
        self.holes = [replace(kept, state=state) if kept.gap == hole.gap else kept for kept in self.holes]
        self._forget_at(bisect_left(self.entries, hole.gap.before, hi=self._stored, key=seq_of))

    def receive(self, receipts: Mapping[UserName, Seq]) -> None:
        """Show under the reader's own messages how far others have read."""
        self._receipts = receipts
        self._place_receipts()

    def _place_receipts(self) -> None:
        found: dict[Seq, tuple[UserName, ...]] = {}
        for user, seq in sorted(self._receipts.items()):
            at = bisect_left(self.entries, Seq(seq + 1), hi=self._stored, key=seq_of) - 1
            low = max(-1, at - _LOOKED_BACK)
            while at > low and not (self.entries[at].author == self.me and is_message(self.entries[at])):
                at -= 1
            if at > low:
                own = seq_of(self.entries[at])
                found[own] = (*found.get(own, ()), user)
        changed = {*found, *self._read_by}
        self._read_by = found
        for seq in changed:
            if (index := self.index_of(seq)) is not None:
                self._forget_at(index)

    def note_older(self, *, loading: bool) -> None:
        """Show above the first entry that older ones are being loaded."""
        self.loading_older = loading
        self._forget_at(0)

    def drop_oldest(self, count: int) -> None:
        """Drop the oldest entries; they can be loaded again."""
        count = min(count, self._stored)
        self._heights = Heights(self._heights[i] for i in range(count, len(self.entries)))
        del self.entries[:count], self._exact[:count]
        self._stored -= count
        first = self.entries[0].seq if self._stored else None
        self.holes = [hole for hole in self.holes if first is not None and hole.gap.after >= first]
        self._forget_at(0)

    def put(self, entry: Entry) -> bool:
        """Add or replace an entry; return whether it is new."""
        index = self.index(entry)
        if index is None:
            if self.span is not None and 0 < seq_of(entry) <= self.span[0]:
                return False  # it is further up than what is loaded: it comes with its page
            if _is_shown(entry):
                self._insert(entry)
                self._count_reply(entry)
            return _is_shown(entry)
        if self.entries[index].seq is None and entry.seq is not None:  # now it is in the log
            self._remove_at(index)
            self._insert(entry)
        else:
            self.entries[index] = entry
            self._forget_at(index)
        return False

    def _count_reply(self, entry: Entry) -> None:
        at = self.index_of(entry.reply_to) if entry.reply_to is not None else None
        if at is not None:
            self.entries[at] = replace(self.entries[at], replies=self.entries[at].replies + 1)
            self._forget_at(at)

    def remove(self, request: RequestId) -> None:
        """Remove an unsent entry."""
        for index in range(self._stored, len(self.entries)):
            if self.entries[index].request == request:
                self._remove_at(index)
                return

    def _insert(self, entry: Entry) -> None:
        self._note_names((entry,))
        at = len(self.entries)
        if entry.seq is not None:
            at = bisect_left(self.entries, entry.seq, hi=self._stored, key=seq_of)
            self._stored += 1
        self.entries.insert(at, entry)
        self._exact.insert(at, False)
        tail = [self._heights.pop() for _ in range(len(self.entries) - 1 - at)]
        for height in (1, *reversed(tail)):
            self._heights.append(height)
        self._forget_at(at)
        self._forget_at(at + 1)
        if self.is_folded(at):
            self._forget_at(self._head_of(at))
        if entry.author == self.me and entry.seq and max(self._receipts.values(), default=0) >= entry.seq:
            self._place_receipts()  # they came before what they are about

    def _remove_at(self, index: int) -> None:
        self._rows.discard(key_of(self.entries[index]))
        tail = [self._heights.pop() for _ in range(len(self.entries) - index)]
        for height in reversed(tail[:-1]):
            self._heights.append(height)
        del self.entries[index], self._exact[index]
        self._stored -= index < self._stored
        self._forget_at(index)

    def _forget_at(self, index: int) -> None:
        if index < len(self.entries):
            self._rows.discard(key_of(self.entries[index]))
            self._exact[index] = False

    def open_or_fold(self, index: int) -> bool:
        """Expand a long message, then show its spoilers, then fold it; show an ignored person's messages.

        Says whether anything changed.
        """
        if self.is_folded(index):
            self.unfolded.add(self.entries[index].author)
            self.forget_rows()
            return True
        key, before = key_of(self.entries[index]), self.rows(index)
        for shown in (self.opened, self.uncovered):
            if key not in shown:
                shown.add(key)
                self._forget_at(index)
                if self.rows(index) != before:
                    return True
                shown.discard(key)
        self.opened.discard(key)
        self.uncovered.discard(key)
        self._forget_at(index)
        return self.rows(index) != before

    def show_as_sent(self, index: int) -> None:
        """Show a message with its markers, or without them again."""
        self.as_sent ^= {key_of(self.entries[index])}
        self._forget_at(index)

    # --- rows

    def rows(self, index: int) -> tuple[Row, ...]:
        """Return the rows of an entry and note its height."""
        key = key_of(self.entries[index])
        rows = self._rows.get(key)
        if rows is None:
            rows = rows_of(self.entries[index], self._setting(index))
            self._rows[key] = rows
        self._heights.set(index, len(rows))
        self._exact[index] = True
        return rows

    def height(self, index: int) -> int:
        """Return the measured height of an entry."""
        return self._heights[index] if self._exact[index] else len(self.rows(index))

    def top(self, index: int) -> int:
        """Return the row at which an entry begins."""
        return self._heights.before(index)

    def rows_from(self, row: int) -> Iterator[tuple[int, int]]:
        """Yield what ``find`` returns, for a row and all below; their heights may be measured meanwhile."""
        if not 0 <= row < self.total:
            return
        index, inside = self.find(row)
        while index < len(self.entries):
            while inside < self._heights[index]:
                yield index, inside
                inside += 1
            index, inside = index + 1, 0

    def find(self, row: int) -> tuple[int, int]:
        """Return (index, row of the entry) for a row from the top; the store must not be empty."""
        return self._heights.find(row)

    def _setting(self, index: int) -> Setting:
        entry = self.entries[index]
        before = self.entries[index - 1] if index else None
        new_day = self.root is None if before is None else day_number(before.at) != day_number(entry.at)
        new = index == self.first_unread and entry.author != self.me
        is_first_unread = new and (before is not None or bool(self.read))
        hole = self.hole_above(index)
        missing = hole.words if hole is not None else ""
        if not index and self.loading_older:
            missing = _("loading earlier messages…")
        folded = None
        if self.is_folded(index):
            folded = 0 if self._goes_on_folded(index) else self._run_length(index)
        return Setting(
            width=self.width,
            me=self.me,
            new_day=new_day,
            new=self.unread if is_first_unread else None,
            continues=not (new_day or is_first_unread or missing)
            and before is not None
            and not self.is_folded(index - 1)
            and self._goes_on(before, entry),
            parent=self.parent_of(entry),
            root=self.root,
            opened=key_of(entry) in self.opened,
            as_sent=key_of(entry) in self.as_sent,
            uncovered=key_of(entry) in self.uncovered,
            missing=missing,
            unverified=entry.sealed and entry.author != self.me and not self.verified(entry.author),
            folded=folded,
            layout=self.layout,
            longest_name=self._longest_name,
            read_by=self._read_by.get(entry.seq or Seq(0), ()),
        )

    def _goes_on(self, before: Entry, entry: Entry) -> bool:
        if not is_message(before) or before.author != entry.author or entry.reply_to is not None:
            return False
        if self.columns.beside and stamp(before.at, self.layout.timestamps) != stamp(
            entry.at, self.layout.timestamps
        ):
            return False  # the time beside the name is that of every message below it
        return 0 <= entry.at - before.at < CONTINUES_WITHIN

    # --- people who are ignored

    def is_folded(self, index: int) -> bool:
        """Say whether an entry is a folded message of an ignored person."""
        entry = self.entries[index]
        return entry.author in self.ignored and entry.author not in self.unfolded and is_message(entry)

    def is_hidden(self, index: int) -> bool:
        """Say whether an entry is folded into one above it."""
        return self.is_folded(index) and self._goes_on_folded(index)

    def _goes_on_folded(self, index: int) -> bool:
        """Say whether the entry above is part of the same folded run: nothing is between them."""
        if not index or not self.is_folded(index - 1):
            return False
        entry, before = self.entries[index], self.entries[index - 1]
        return (
            before.author == entry.author
            and day_number(before.at) == day_number(entry.at)
            and index != self.first_unread
            and self.hole_above(index) is None
        )

    def _head_of(self, index: int) -> int:
        for at in range(index, max(-1, index - MOST_FOLDED), -1):
            if not self._goes_on_folded(at):
                return at
        return index

    def _run_length(self, index: int) -> int:
        end = index + 1
        while end < len(self.entries) and end - index < MOST_FOLDED and self.is_hidden(end):
            end += 1
        return end - index


def _is_shown(entry: Entry) -> bool:
    body = entry.body
    if isinstance(body, bodies.Blank):
        return body.was == "message" or entry.deleted
    return not body.rules.at_target
