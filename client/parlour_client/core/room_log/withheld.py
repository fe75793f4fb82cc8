"""Events that a server withholds although its own numbers say that they exist: one row for each run.

A room's numbers increase by one, so a skipped number is an event that was lost or withheld. The room goes on
after it, and a row of this client's own marks the place, so that a gap is always visible. Nothing here sends
requests: ``sync.catch_up`` hands in the server's answers.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from parlour_client.core.model import SYSTEM_ACCOUNT, Note, NoteKind
from parlour_client.core.room_log.numbering import PLAIN, Numbering
from parlour_client.kit.language import _
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.frames.requests import History
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_device_name

DEVICE: Final = parse_device_name("house")


class WithheldEvents(LogEvent, frozen=True, tag="event"):
    """The events from ``first`` to ``seq``, which the server withholds. It is never sent."""

    first: Seq

    @property
    def note(self) -> Note:
        """The text of its row."""
        return Note(NoteKind.MISSING, detail=withheld_text(self.first, self.seq))


def first_of(event: LogEvent) -> Seq:
    """Return the lowest number that an event covers: its own, or the first one that is missing."""
    return event.first if isinstance(event, WithheldEvents) else event.seq


def withheld_text(first: Seq, last: Seq) -> str:
    """Say which events are missing."""
    if first == last:
        return _("The server does not show event {first}: 1 event is missing.").format(first=first)
    return _("The server does not show events {first} to {last}: {count} events are missing.").format(
        first=first, last=last, count=last - first + 1
    )


def ends_early_text(shown: Seq, claimed: Seq) -> str:
    """Say that a room ends before the number that the server claims."""
    return _("The server says that this room has {claimed} events, but shows none after {shown}.").format(
        claimed=claimed, shown=shown
    )


def complete(ask: History, answer: Iterable[LogEvent], numbers: Numbering = PLAIN) -> Sequence[LogEvent]:
    """Return the events of an answer in order, each number once, and a `WithheldEvents` for each gap.

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
    low = ask.after + 1 if ask.after is not None else min(wanted, default=Seq(1))
    for seq in sorted(wanted):
        found += _missing(wanted[seq], low, seq - 1, numbers)
        found.append(wanted[seq])
        low = seq + 1
    if found and ask.after is None and ask.before is not None:
        found += _missing(found[-1], low, ask.before - 1, numbers)
    return found


def _asked_for(ask: History, seq: Seq) -> bool:
    if ask.after is not None:
        return seq > ask.after
    return ask.before is None or seq < ask.before


def _missing(beside: LogEvent, low: int, high: int, numbers: Numbering) -> list[LogEvent]:
    """Return the row for the numbers from ``low`` to ``high`` that the server has, if any."""
    if low > high or not numbers.has_any(low, high):
        return []
    first = numbers.to_local(numbers.ceiling(Seq(low)))
    last = numbers.to_local(numbers.floor(Seq(high)))
    return [WithheldEvents(beside.room, last, beside.at, SYSTEM_ACCOUNT, DEVICE, Unreadable(), first)]
