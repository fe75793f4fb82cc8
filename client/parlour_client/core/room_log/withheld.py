"""Events that a server does not show where its own numbers say that there are some: one row for each run.

The numbers of a room go up by one, so a number that is skipped is an event that was lost or is held back.
The room goes on behind it, and what is missing stands in its place as a row of this client's own, so that it
is told and never looks as if nothing were missing. Nothing here asks: ``sync.catch_up`` hands in what a
server answered.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from parlour_client.core.model import Note, NoteKind
from parlour_client.core.room_log.numbering import PLAIN, Numbering
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import Seq
from parlour_protocol.names import parse_device_name, parse_user_name

AUTHOR: Final = parse_user_name("house")
DEVICE: Final = parse_device_name("house")


class WithheldEvents(LogEvent, frozen=True, tag="event"):
    """The events from ``first`` to ``seq``, which the server does not show. It never goes over a wire."""

    first: Seq

    @property
    def note(self) -> Note:
        """What its row says."""
        return Note(NoteKind.MISSING, detail=withheld_text(self.first, self.seq))


def first_of(event: LogEvent) -> Seq:
    """Return the lowest number that an event stands for: its own, unless it tells of missing ones."""
    return event.first if isinstance(event, WithheldEvents) else event.seq


def withheld_text(first: Seq, last: Seq) -> str:
    """Say which events are missing."""
    if first == last:
        return f"The server shows no event {first} here: 1 event is missing."
    return f"The server shows no events {first} to {last} here: {last - first + 1} events are missing."


def ends_early_text(shown: Seq, claimed: Seq) -> str:
    """Say that a room ends before the server says that it does."""
    return f"The server says that this room has {claimed} events, and shows none after {shown}."


def complete(ask: History, answer: Iterable[LogEvent], numbers: Numbering = PLAIN) -> Sequence[LogEvent]:
    """Return the events of an answer in order, each number once, and a `WithheldEvents` for each hole.

    The number decides and never the order of arrival; what was not asked for is dropped. What may lie above
    the last one of a page that was asked for upwards is for the next page to show. ``numbers`` says which
    ones the server has at all, after a rollback: no others are missing.
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
    """Return the row for those of the numbers from ``low`` to ``high`` that the server has, if it has any."""
    if low > high or not numbers.has_any(low, high):
        return []
    first = numbers.to_local(numbers.ceiling(Seq(low)))
    last = numbers.to_local(numbers.floor(Seq(high)))
    return [WithheldEvents(beside.room, last, beside.at, AUTHOR, DEVICE, Unreadable(), first)]
