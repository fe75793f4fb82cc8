"""The rule of links: what each device has shown of a room, and which messages its next one proves missing.

A device numbers its messages in a room, and each message says what the device had processed before. This
reveals what the server left out, moved, or showed only to some. Pure; ``link_store`` stores the state. An
honest device never makes a number look missing: see ``Link.less`` and ``Link.void``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Final

import msgspec

from parlour_protocol.encrypted.links import NO_TIP, NOTHING, Link, Ranges
from parlour_protocol.kit.ids import Seq

MAX_UNSEEN: Final = 64
"""Ranges of numbers that are remembered of one device; the oldest are dropped."""
OVERTAKEN: Final = 32
"""Messages of a device that one of its other programs may overtake, and still explain unreadable ones."""
MAX_COUNT: Final = 10_000
"""Messages counted as missing at once: a device that skips more is broken."""


EXCUSED: Final = -1
"""No such row: unreadable messages that are here explain them."""
_NO_BASE: Final = -1
"""The running digest is not known yet."""


class Unseen(msgspec.Struct, array_like=True):
    """Numbers of a device whose messages have not arrived."""

    low: int
    high: int
    after: int
    """A place in front of where they should be."""
    told: int = 0
    """The event whose row says that they are missing; 0: none does; ``EXCUSED``: they need none."""

    @property
    def count(self) -> int:
        """How many there are."""
        return min(self.high - self.low + 1, MAX_COUNT)


class Shown(msgspec.Struct):
    """What one device has shown."""

    last: int
    """Its highest number."""
    place: int
    """A place in front of its last messages, some of which may have overtaken others."""
    mark: int = 0
    """The next such place, and the number of messages since."""
    heard: int = 0
    floor: int = 0
    """Numbers up to here are unknown: this device joined in the middle."""
    unseen: list[Unseen] = msgspec.field(default_factory=list)
    """Numbers between ``floor`` and ``last``, ascending."""
    void: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Numbers that it skipped; a message may still arrive under one."""
    seen: int = 0
    base: int = 0
    running: bytes = NOTHING
    at: int | None = None
    """The place here of the newest event that the device had processed; None: not known yet."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The result of a message's number."""

    missing: Sequence[Unseen] = ()
    """Messages of the device that should have arrived before and did not; not reported yet."""
    late: bool = False
    """The server put the message after messages that were sent later."""
    told: bool = False
    """It was reported as missing before, and has its place there."""
    repeated: bool = False
    """Another message had this number."""
    void: Sequence[Unseen] = ()
    """Those of them that were never sent."""
    settled: frozenset[Seq] = frozenset()
    """Events whose rows report messages as missing that have arrived, or never were sent."""


class How(Enum):
    """How another device's view differs from this one's."""

    MISSING = auto()
    """It had processed events that are not here."""
    HIDDEN = auto()
    """It had not processed events that are here before others that it had."""
    ORDER = auto()
    """It had processed other events, or in another order."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A view that differs."""

    how: How
    count: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """The room's events between two places."""

    count: int
    """Including those that are known to be missing."""
    running: bytes | None
    """The digest that a device has at its end if it was shown what is here; None: unknown."""
    is_known: bool = True
    """All of them arrived here before they were deleted."""


def number(shown: Shown, link: Link, place: int) -> Numbered:
    """Process a message's number, and those that it declares as skipped."""
    late = repeated = False
    settled: set[Seq] = set()
    shown.heard += 1
    if shown.heard >= OVERTAKEN:
        shown.place, shown.mark, shown.heard = shown.mark, place, 0
    if link.number > shown.last:
        if link.number > shown.last + 1:
            shown.unseen.append(Unseen(shown.last + 1, link.number - 1, shown.place))
        shown.last = link.number
    else:
        taken = _take(shown, link.number, link.number)
        given_up = any(low <= link.number <= high for low, high in shown.void)
        repeated = not taken and not given_up and link.number > shown.floor
        late = any(one.told for one in taken)
        settled.update(Seq(one.told) for one in taken if one.told > 0)
    told = bool(settled)
    void: list[Unseen] = []
    for low, high in _pairs(link.void):
        void += [one for one in _take(shown, low, high) if one.told > 0]
        if (low, high) not in shown.void:
            shown.void = [*shown.void, (low, high)][-MAX_UNSEEN:]
    for one in shown.unseen[:-MAX_UNSEEN]:
        shown.floor = max(shown.floor, one.high)
    del shown.unseen[:-MAX_UNSEEN]
    settled.update(Seq(one.told) for one in void)
    return Numbered(list(_promised(shown, link)), late, told, repeated, void, frozenset(settled))


def begin(shown: Shown, link: Link, at: int) -> None:
    """Begin to compare at the place where an epoch began, which all its members know."""
    shown.seen, shown.base, shown.at = link.seen - link.epoch[0], _NO_BASE, at


def excuse(shown: Shown, missing: Unseen, count: int) -> None:
    """Explain so many of the missing numbers by unreadable messages that are here.

    One that arrives all the same was none of those: the server moved it.
    """
    if count:
        taken = _take(shown, missing.low, missing.low + count - 1)
        shown.unseen += [Unseen(one.low, one.high, one.after, EXCUSED) for one in taken]
        shown.unseen.sort(key=lambda one: one.low)


def tell(shown: Shown, link: Link, seq: Seq) -> None:
    """Note that the row of this event reports the missing messages."""
    for one in list(_promised(shown, link)):
        _take(shown, one.low, one.high)
        shown.unseen.append(Unseen(one.low, one.high, one.after, seq))
    shown.unseen.sort(key=lambda one: one.low)


def told_at(shown: Shown, seq: Seq) -> int:
    """Return how many of the messages that this event's row reports are still missing."""
    return sum(one.count for one in shown.unseen if one.told == seq)


def compare(shown: Shown, link: Link, at: int | None, stretch: Stretch) -> Differs | None:
    """Compare what a device had processed since its last message that is here with what is here.

    ``at`` is the place of its newest event, None if that is not here; ``stretch`` leads from ``shown.at`` to
    there, or to the end. The caller continues from the new place with ``follow``.
    """
    delta = link.seen - shown.seen
    turned = stretch.running is not None and stretch.running != link.running
    if not delta:
        return Differs(How.ORDER) if turned else None
    if at is None:
        if delta <= stretch.count and (link.tip == NO_TIP or not stretch.is_known):
            return None
        return Differs(How.MISSING, min(max(1, delta - stretch.count), MAX_COUNT))
    if (shown.at is not None and at < shown.at) or (turned and delta == stretch.count):
        return Differs(How.ORDER)
    if delta > stretch.count:
        return Differs(How.MISSING, min(delta - stretch.count, MAX_COUNT))
    return None if delta == stretch.count else Differs(How.HIDDEN, stretch.count - delta)


def follow(shown: Shown, link: Link, at: int) -> None:
    """Use the newest event that a device had processed as the start of the next comparison."""
    shown.seen, shown.base, shown.running, shown.at = link.seen, link.base, link.running, at


def ranges(numbers: Sequence[tuple[int, int]], most: int) -> Ranges:
    """Return ranges as a link has them: joined if they touch, the nearest ones if there are too many."""
    joined: list[list[int]] = []
    for low, high in sorted(numbers):
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    while len(joined) > most:
        gaps = [after[0] - before[1] for before, after in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [[joined[at][0], joined[at + 1][1]]]
    return tuple(end for pair in joined for end in pair)


def _pairs(flat: Ranges) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _promised(shown: Shown, link: Link) -> Iterator[Unseen]:
    """Yield the numbers that preceded a message, as it says, are not here, and are not reported yet."""
    for one in list(shown.unseen):
        if one.told or one.low >= link.number:
            continue
        low, high = one.low, min(one.high, link.number - 1)
        for out_low, out_high in _pairs(link.less):
            if out_high < low or out_low > high:
                continue
            if low < out_low:
                yield Unseen(low, out_low - 1, one.after)
            low = out_high + 1
        if low <= high:
            yield Unseen(low, high, one.after)


def _take(shown: Shown, low: int, high: int) -> list[Unseen]:
    """Remove numbers from the missing ones; returns those that were among them."""
    taken: list[Unseen] = []
    left: list[Unseen] = []
    for one in shown.unseen:
        first, last = max(low, one.low), min(high, one.high)
        if first > last:
            left.append(one)
            continue
        taken.append(Unseen(first, last, one.after, one.told))
        if one.low < first:
            left.append(Unseen(one.low, first - 1, one.after, one.told))
        if last < one.high:
            left.append(Unseen(last + 1, one.high, one.after, one.told))
    shown.unseen = left
    return taken
