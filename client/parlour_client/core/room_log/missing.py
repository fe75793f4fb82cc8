"""Events that a server leaves out although its own numbers say that they exist: one row for each run.

A room's numbers increase by one, so a skipped number is an event that expired, was lost or is withheld. The
room goes on after it, and a row of this client's own marks the place: a gap is always visible. Nothing here
sends requests: ``sync.catch_up`` hands in the server's answers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeGuard

from msgspec.structs import replace

from parlour_client.core.model import SYSTEM_ACCOUNT, Note, NoteKind
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.numbering import PLAIN, Numbering
from parlour_client.kit.language import _, ngettext
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Blank, Unreadable
from parlour_protocol.frames.requests import History
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name

DEVICE: Final = parse_device_name("house")
NOTHING_EXPIRES: Final = Expiry(None, Millis(0))


class Reason(Enum):
    """Why events are missing."""

    WITHHELD = auto()
    """Nothing explains it: an alarm."""
    EXPIRED = auto()
    """The retention that members see removed them, and they can be old enough (``room_log.expiry``)."""


class MissingEvents(LogEvent, frozen=True, tag="event"):
    """The events from ``first`` to ``seq``, which are not in the server's answer. It is never sent.

    Its body is `Unreadable`, as of an event that is damaged on the server: it is like no other event.
    """

    first: Seq
    reason: Reason
    days: int | None = None
    """For how long the room keeps messages, if that is why they expired; None: it kept them for less."""

    @property
    def note(self) -> Note:
        """The text of its row."""
        if self.reason is Reason.EXPIRED:
            return Note(NoteKind.EXPIRED, detail=expired_text(self.days))
        return Note(NoteKind.MISSING, detail=withheld_text(self.first, self.seq))


def first_of(event: LogEvent) -> Seq:
    """Return the lowest number that an event covers: its own, or the first one that is missing."""
    return event.first if isinstance(event, MissingEvents) else event.seq


def have_expired(event: LogEvent) -> TypeGuard[MissingEvents]:
    """Say whether an event stands for messages that expired, so that no one is alarmed."""
    return isinstance(event, MissingEvents) and event.reason is Reason.EXPIRED


def withheld_text(first: Seq, last: Seq) -> str:
    """Say which events are missing."""
    if first == last:
        return _("The server does not show event {first}: 1 event is missing.").format(first=first)
    return _("The server does not show events {first} to {last}: {count} events are missing.").format(
        first=first, last=last, count=last - first + 1
    )


def expired_text(days: int | None) -> str:
    """Say that messages were removed."""
    if days is None:
        return _("Older messages were removed: the server used to keep them for less time here.")
    return ngettext(
        "Older messages were removed: the server keeps them for {days} day here.",
        "Older messages were removed: the server keeps them for {days} days here.",
        days,
    ).format(days=days)


def ends_early_text(shown: Seq, claimed: Seq) -> str:
    """Say that a room ends before the number that the server claims."""
    return _("The server says that this room has {claimed} events, but shows none after {shown}.").format(
        claimed=claimed, shown=shown
    )


def complete(
    ask: History,
    answer: Iterable[LogEvent],
    numbers: Numbering = PLAIN,
    *,
    kept_from: Seq = Seq(0),  # noqa: B008 - a NewType
    expiry: Expiry = NOTHING_EXPIRES,
) -> Sequence[LogEvent]:
    """Return the events of an answer in order, each number once, and a `MissingEvents` for each gap.

    They expired if they are under ``kept_from`` and ``expiry`` explains it; else they are withheld.

    The number decides, not the order of arrival; numbers that were not requested are dropped. Events above
    the last one of a page read upwards are left to the next page. After a rollback, ``numbers`` says which
    numbers the server has at all: only those can be missing.
    """
    wanted = {
        event.seq: event
        for event in reversed(list(answer))  # of two with one number the first counts
        if event.room == ask.room and _asked_for(ask, event.seq)
    }
    found: list[LogEvent] = []
    gaps = _Gaps(numbers, kept_from, expiry)
    low = ask.after + 1 if ask.after is not None else min(wanted, default=Seq(1))
    for seq in sorted(wanted):
        before = found[-1] if found else None
        found += gaps.between(wanted[seq], low, seq - 1, before)
        found.append(gaps.unless_expired(wanted[seq], found[-1] if found else before))
        low = seq + 1
    if found and ask.after is None and ask.before is not None:
        found += gaps.between(found[-1], low, ask.before - 1, found[-1])
    return _joined(found)


def _asked_for(ask: History, seq: Seq) -> bool:
    if ask.after is not None:
        return seq > ask.after
    return ask.before is None or seq < ask.before


@dataclass(frozen=True, slots=True)
class _Gaps:
    """Makes the rows for what an answer lacks."""

    numbers: Numbering
    kept_from: Seq
    expiry: Expiry

    def between(self, beside: LogEvent, low: int, high: int, before: LogEvent | None) -> list[LogEvent]:
        """Return the row for the numbers from ``low`` to ``high`` that the server has, if any.

        ``before`` is the event in front of them, if the answer has it.
        """
        here = self.expiry.here
        if self.expiry.is_possible and low <= here < high:  # other things are known of those above it
            below = self.between(beside, low, here, before)
            return [*below, *self.between(beside, here + 1, high, below[-1] if below else before)]
        if low > high or not self.numbers.has_any(low, high):
            return []
        first = self.numbers.to_local(self.numbers.ceiling(Seq(low)))
        last = self.numbers.to_local(self.numbers.floor(Seq(high)))
        return [self._row(beside, first, last, before)]

    def unless_expired(self, event: LogEvent, before: LogEvent | None) -> LogEvent:
        """Return an event, or the row of one that was blanked because it expired."""
        if isinstance(event.body, Blank) and event.body.was == "expired":
            return self._row(event, event.seq, event.seq, before)
        return event

    def _row(self, beside: LogEvent, first: Seq, last: Seq, before: LogEvent | None) -> MissingEvents:
        known = None if before is None or isinstance(before, MissingEvents) else before.at
        fields = (beside.room, last, beside.at, SYSTEM_ACCOUNT, DEVICE, Unreadable(), first)
        if self.expiry.explains(last, known, self.kept_from):
            return MissingEvents(*fields, Reason.EXPIRED, self.expiry.cause)
        return MissingEvents(*fields, Reason.WITHHELD)


def _joined(events: Sequence[LogEvent]) -> Sequence[LogEvent]:
    """Join rows about expired messages that follow each other."""
    joined: list[LogEvent] = []
    for event in events:
        last = joined[-1] if joined else None
        if last is not None and have_expired(event) and have_expired(last):
            joined[-1] = replace(event, first=last.first)
        else:
            joined.append(event)
    return joined
