"""Gaps between the loaded messages, and their states.

A hole is a run of missing numbers; it is loaded when it comes near the view, and if that fails its row says
why. A gap is always visible. ``Store`` owns the holes of one room.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from parlour_client.core.model import Gap
from parlour_client.kit.language import _, ngettext
from parlour_protocol.kit.ids import Seq

_COUNTED: Final = 1_000_000
"""Numbers that are listed one by one; a server may claim any number."""


class HoleState(Enum):
    """The state of a hole."""

    WAITING = auto()
    """To be loaded as soon as it is near the view."""
    LOADING = auto()
    OFFLINE = auto()
    """Can't be loaded without a connection; retried when there is one."""
    REFUSED = auto()
    """The server withheld them."""
    GONE = auto()
    """The server said that it no longer has them."""
    FORGOTTEN = auto()
    """They were deleted on this device at the person's request."""


@dataclass(frozen=True, slots=True)
class Hole:
    """One run of missing numbers."""

    gap: Gap
    state: HoleState = HoleState.WAITING

    @property
    def words(self) -> str:
        """The text of its row."""
        count = self.gap.count
        some = ngettext("1 message missing", "up to {count} messages missing", count).format(count=count)
        what = _("more than a million messages missing") if count > _COUNTED else some
        match self.state:
            case HoleState.WAITING | HoleState.LOADING:
                return _("{what}: loading…").format(what=what)
            case HoleState.OFFLINE:
                return _("{what}: no connection").format(what=what)
            case HoleState.REFUSED:
                return _("{what}: not sent by the server").format(what=what)
            case HoleState.GONE:
                return _("{what}: no longer on the server").format(what=what)
            case HoleState.FORGOTTEN:
                return _("{what}: forgotten on this device").format(what=what)


def holes_of(gaps: Iterable[Gap], *, online: bool) -> list[Hole]:
    """Return what remains of a hole after a try to load it."""
    left = HoleState.REFUSED if online else HoleState.OFFLINE
    return [
        Hole(gap, HoleState.FORGOTTEN if gap.forgotten else HoleState.GONE if gap.gone else left)
        for gap in gaps
    ]


@dataclass(frozen=True, slots=True)
class Run:
    """Numbers low < number < high that are loaded now, except for ``left``."""

    low: Seq
    high: Seq
    left: tuple[Hole, ...] = ()


def covered(holes: Iterable[Hole], run: Run, span: tuple[Seq, Seq] | None, whole: Gap) -> list[Hole]:
    """Return the holes after a run was loaded, in order.

    ``span`` are the ends (exclusive) of the numbers loaded before: between it and the run there may be a new
    hole. ``whole`` names the room.
    """
    kept = [piece for hole in holes for piece in _without(hole, run)]
    if span is not None:
        below, above = span
        if run.low >= above:
            kept.append(Hole(replace(whole, after=Seq(above - 1), before=Seq(run.low + 1))))
        elif run.high <= below:
            kept.append(Hole(replace(whole, after=Seq(run.high - 1), before=Seq(below + 1))))
    return sorted(
        (hole for hole in (*kept, *run.left) if hole.gap.count > 0), key=lambda hole: hole.gap.before
    )


def _without(hole: Hole, run: Run) -> Iterable[Hole]:
    gap = hole.gap
    if run.high <= gap.after + 1 or run.low >= gap.before - 1:
        return (hole,)
    pieces = (
        replace(gap, before=min(gap.before, Seq(run.low + 1))),
        replace(gap, after=max(gap.after, Seq(run.high - 1))),
    )
    return [Hole(piece) for piece in pieces if piece.before > piece.after]
