"""The numbers of a room's log, here and at the server, after the server's history was rolled back.

Events here keep their numbers for ever. When a restored server reuses numbers, its new events get other
numbers here, above all known ones: a server's number is a *local* number plus an offset that changes at each
fork. Numbers that the server does not have any more are *lost*. Values only, no I/O; ``translation`` applies
them to whole frames, ``DivergenceSearch`` finds where two histories diverge.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from parlour_protocol.kit.ids import Seq


@dataclass(frozen=True, slots=True)
class Piece:
    """Numbers that increase together: from ``server`` there and ``local`` here, to the next piece."""

    server: Seq
    local: Seq


@dataclass(frozen=True, slots=True)
class Numbering:
    """One room's numbers. Both sides of ``pieces`` increase; the first begins at the server's number 1."""

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
        """Both sides use the same numbers: nothing was ever rolled back."""
        return self == Numbering()

    def to_local(self, number: Seq) -> Seq:
        """Return the local number for a number of the server; 0 stays 0."""
        if number < 1:
            return Seq(0)
        piece = next(piece for piece in reversed(self.pieces) if piece.server <= number)
        return Seq(number - piece.server + piece.local)

    def head(self, number: Seq) -> Seq:
        """Return the last local number before the next one that the server will use, after ``number``."""
        return Seq(self.to_local(Seq(number + 1)) - 1)

    def floor(self, local: Seq) -> Seq:
        """Return the server's last number that has a local one at or below ``local``; 0 if there is none."""
        following: Seq | None = None
        for piece in reversed(self.pieces):
            if piece.local <= local:
                number = local - piece.local + piece.server
                return Seq(number if following is None else min(number, following - 1))
            following = piece.server
        return Seq(0)

    def ceiling(self, local: Seq) -> Seq:
        """Return the server's first number that has a local one at or above ``local``."""
        return Seq(self.floor(Seq(local - 1)) + 1)

    def to_server(self, local: Seq) -> Seq | None:
        """Return the server's number; None for a lost one."""
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

        ``top`` is the highest local number in use: the server's next event becomes ``top`` + 1.
        """
        kept = tuple(piece for piece in self.pieces if piece.server <= shared)
        return Numbering((*kept, Piece(Seq(shared + 1), Seq(top + 1))))

    def resumed(self, shared: Seq, local: Seq) -> "Numbering":
        """Return the numbering in which lost events, from ``local`` here, follow ``shared`` again."""
        kept = [piece for piece in self.pieces if piece.server <= shared]
        back = Piece(Seq(shared + 1), local)
        if kept and back.local - kept[-1].local == back.server - kept[-1].server:
            return Numbering(tuple(kept))
        return Numbering((*kept, back))


PLAIN = Numbering()


class DivergenceSearch:
    """Finds the last event that two histories share, by comparing pages of the server's.

    Histories that diverge never meet again, so a binary search finds the first event that differs. Only
    events that are here can be compared: numbers between the last shared one and the first different one
    count as the server's own, so that nothing from the server is assumed to be known.
    """

    def __init__(self, here: Sequence[Seq], page: int) -> None:
        """Search among the server's numbers ``here``, which both sides have, by pages of so many events."""
        self._here = here
        self._half = page // 2
        self._same, self._differs = -1, len(here)
        self._asked = len(here) - 1

    @property
    def ask(self) -> Seq | None:
        """The number at which the next page must end; None when the search is finished."""
        return None if self._differs - self._same <= 1 else self._here[self._asked]

    @property
    def shared(self) -> Seq:
        """The last local number that both histories share."""
        return self._here[self._same] if self._same >= 0 else Seq(0)

    @property
    def parted(self) -> bool:
        """Whether an event that differs was found."""
        return self._differs < len(self._here)

    def take(self, first: int, alike: Sequence[bool | None]) -> None:
        """Take a page from ``first`` on: for each event whether it is the local one; None: not here.

        Raises ValueError for a page that does not cover the number that was asked for.
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
