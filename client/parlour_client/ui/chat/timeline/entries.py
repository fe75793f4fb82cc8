"""The entries of one room in order, with lookups: an entry's position, the gap above it.

Entries with a number are sorted by it, unsent ones come last. It changes nothing and knows no heights:
``Store`` does, and inherits it.
"""

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from parlour_client.core.model import Entry
from parlour_client.ui.chat.timeline.holes import Hole
from parlour_client.ui.chat.timeline.rows import MOST_FOLDED, is_message
from parlour_client.ui.chat.timeline.sentences import day_number
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName

Key = Seq | RequestId


def key_of(entry: Entry) -> Key:
    """Return the key that identifies the entry within its room."""
    key = entry.seq if entry.seq is not None else entry.request
    assert key is not None, "an entry is stored or asked for"  # noqa: S101 - the core's promise
    return key


def seq_of(entry: Entry) -> Seq:
    """Return the number of an entry, 0 if it has none."""
    return entry.seq or Seq(0)


class Entries:
    """Entries, the ignored authors among them, and the gaps between them."""

    def __init__(self, me: UserName, read: Seq | None) -> None:
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
        self._stored = 0  # this many entries, from the first on, have a number

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
