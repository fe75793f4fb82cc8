"""Puts one log's entries in order for those who follow it here.

It accepts entries in any order, repeated and with gaps, and returns each once, in order and without gaps.
Early ones are kept, up to a limit, until the gap is filled. `fanout.py` reads what is missing from the store.
"""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from parlour_protocol.kit.ids import Seq
from parlour_server.app.log.kind import E
from parlour_server.core.connections.batching import BatchingWriter

H = TypeVar("H")

_EARLY: Final = 256
"""Entries kept beyond a gap; further ones are read from the store when it is filled."""


class Sequencer(Generic[E, H]):
    """A log with listeners here."""

    __slots__ = ("_early", "announced", "filling", "first", "here", "last", "log", "out")

    def __init__(self, log: str, last: Seq, out: BatchingWriter, here: H) -> None:
        """Begin after entry ``last``; ``here`` is the program's own."""
        self.log = log
        self.first = last
        """The entry after which it began; what earlier ones changed may not be known here."""
        self.last = last
        self.announced = last
        """The highest known number."""
        self.here = here
        self.out = out
        self.filling = False
        """The missing entries are being fetched, or will be."""
        self._early: dict[Seq, E] = {}

    def fail(self) -> None:
        """Close the connections of all listeners, because entries could not be delivered."""
        for peer in list(self.out.members):
            peer.fail()

    @property
    def has_hole(self) -> bool:
        """Whether known entries are missing."""
        return self.announced > self.last

    def take(self, entry: E) -> Sequence[E]:
        """Add an entry and return those that can be delivered now, in order."""
        seq = entry.seq
        if seq == self.last + 1:
            self.last = seq
            return self._follow(entry) if self._early else (entry,)
        if seq > self.last:
            self.announced = max(self.announced, seq)
            if len(self._early) < _EARLY:
                self._early[seq] = entry
        return ()

    def skip(self, seq: Seq) -> None:
        """Go on after number ``seq``: the store has nothing before it that can be delivered."""
        self.last = max(self.last, seq)

    def _follow(self, entry: E) -> Sequence[E]:
        due = [entry]
        while (later := self._early.pop(Seq(self.last + 1), None)) is not None:
            self.last = later.seq
            due.append(later)
        self._early = {seq: kept for seq, kept in self._early.items() if seq > self.last}
        return due
