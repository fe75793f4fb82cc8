"""The numbers of one room's log, here and at the server, after the server's history was rolled back.

What is here keeps its number for good. Where a restored server uses numbers a second time, its events get
others here, above everything that was known: a number of the server is a *local* number plus a distance that
changes at each fork. Numbers that no server has any more are *lost*. Values only, no I/O; ``translation``
puts it to whole frames, ``DivergenceSearch`` finds where two histories part.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from parlour_protocol.ids import Seq


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of numbers that go up together: from ``server`` there and ``local`` here, to the next piece."""

    server: Seq
    local: Seq


@dataclass(frozen=True, slots=True)
class Numbering:
    """One room's numbers. Both sides of ``pieces`` go up; the first begins at the server's number 1."""

    pieces: tuple[Piece, ...] = (Piece(Seq(1), Seq(1)),)

    def __post_init__(self) -> None:
        """Refuse pieces that are not in order. Raises ValueError."""
        if not self.pieces or self.pieces[0].server != 1 or self.pieces[0].local < 1:
            raise ValueError("a numbering begins at the server's first number")
        for low, high in pairwise(self.pieces):
            if high.server <= low.server or high.local - low.local < high.server - low.server:
                raise ValueError("the pieces of a numbering go up, here at least as much as at the server")

    @property
    def is_plain(self) -> bool:
        """Both sides say the same: nothing was ever rolled back."""
        return self == Numbering()

    def to_local(self, number: Seq) -> Seq:
        """Return what a number of the server is here; 0 stays 0."""
        if number < 1:
            return Seq(0)
        piece = next(piece for piece in reversed(self.pieces) if piece.server <= number)
        return Seq(number - piece.server + piece.local)

    def head(self, number: Seq) -> Seq:
        """Return the last number here before the next one that the server will give, after ``number``."""
        return Seq(self.to_local(Seq(number + 1)) - 1)

    def floor(self, local: Seq) -> Seq:
        """Return the last number of the server that is here at or below ``local``; 0: none is."""
        following: Seq | None = None
        for piece in reversed(self.pieces):
            if piece.local <= local:
                number = local - piece.local + piece.server
                return Seq(number if following is None else min(number, following - 1))
            following = piece.server
        return Seq(0)

    def ceiling(self, local: Seq) -> Seq:
        """Return the first number of the server that is here at or above ``local``."""
        return Seq(self.floor(Seq(local - 1)) + 1)

    def to_server(self, local: Seq) -> Seq | None:
        """Return the server's number; None for one that is lost."""
        number = self.floor(local)
        return number if number and self.to_local(number) == local else None

    def has_any(self, low: int, high: int) -> bool:
        """Say whether the server has any of the numbers ``low`` to ``high``."""
        return self.to_local(self.ceiling(Seq(low))) <= high

    def piece_end(self, number: Seq) -> Seq | None:
        """Return the last number of the server in the piece of ``number``; None: the piece has no end."""
        following = next((piece.server for piece in self.pieces if piece.server > number), None)
        return None if following is None else Seq(following - 1)

    def piece_start(self, number: Seq) -> Seq:
        """Return the first number of the server in the piece of ``number``."""
        return next(piece.server for piece in reversed(self.pieces) if piece.server <= number)

    def forked(self, shared: Seq, top: Seq) -> "Numbering":
        """Return the numbering after a rollback to the server's number ``shared``.

        ``top`` is the highest number that is in use here: what the server says next is ``top`` + 1.
        """
        kept = tuple(piece for piece in self.pieces if piece.server <= shared)
        return Numbering((*kept, Piece(Seq(shared + 1), Seq(top + 1))))

    def resumed(self, shared: Seq, local: Seq) -> "Numbering":
        """Return the numbering in which what was lost, and is ``local`` here, follows ``shared`` again."""
        kept = [piece for piece in self.pieces if piece.server <= shared]
        back = Piece(Seq(shared + 1), local)
        if kept and back.local - kept[-1].local == back.server - kept[-1].server:
            return Numbering(tuple(kept))
        return Numbering((*kept, back))


PLAIN = Numbering()


class DivergenceSearch:
    """Finds the last event that two histories share, by pages of the server's.

    Histories that part never come together again, so the first event that differs decides, and halving finds
    it. Only what is here can be compared: numbers between the last that is the same and the first that
    differs count as the server's own, so that nothing which it says is taken for known.
    """

    def __init__(self, here: Sequence[Seq], page: int) -> None:
        """Search among the server's numbers ``here``, which both sides have, by pages of so many events."""
        self._here = here
        self._half = page // 2
        self._same, self._differs = -1, len(here)
        self._asked = len(here) - 1

    @property
    def ask(self) -> Seq | None:
        """The number at which the next page is to end; None: found."""
        return None if self._differs - self._same <= 1 else self._here[self._asked]

    @property
    def shared(self) -> Seq:
        """The last number here that is the same there."""
        return self._here[self._same] if self._same >= 0 else Seq(0)

    @property
    def parted(self) -> bool:
        """An event that differs was found."""
        return self._differs < len(self._here)

    def take(self, first: int, alike: Sequence[bool | None]) -> None:
        """Take a page that begins at ``first``: for each event whether it is the one here; None: not here.

        Raises ValueError for a page that does not say it of the number that was asked for.
        """
        asked = self._here[self._asked] - first
        if not 0 <= asked < len(alike) or alike[asked] is None:
            raise ValueError("a page without what was asked for")
        for number, same in enumerate(alike, first):
            index = bisect_left(self._here, number)
            if same is False:
                self._differs = min(self._differs, index)
                break
            if same and index < self._differs:
                self._same = max(self._same, index)
        self._same = min(self._same, self._differs - 1)
        self._asked = min(self._differs - 1, (self._same + self._differs) // 2 + self._half)
