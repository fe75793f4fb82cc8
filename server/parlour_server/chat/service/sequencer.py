"""Puts one room's events in order for the members that are connected here.

It accepts events in any order, repeated and with gaps, and returns each once, in order and without gaps.
Early events are kept, up to a limit, until the gap is filled. `hub.py` tracks members, and reads missing
events from the store.
"""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from typing import Final

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_server.core.connections.batching import BatchingWriter, Deliveries, Pace

_EARLY: Final = 256
"""Events kept beyond a gap; further ones are read from the store when it is filled."""


class Sequencer:
    """A room with listeners here."""

    __slots__ = (
        "_early",
        "announced",
        "encrypted",
        "filling",
        "first",
        "is_request",
        "last",
        "out",
        "room",
        "size",
    )

    def __init__(
        self, room: RoomId, last: Seq, loop: AbstractEventLoop, floor: float, deliveries: Deliveries
    ) -> None:
        """Begin after event ``last``."""
        self.room = room
        self.first = last
        """The event after which it began; what earlier ones did to memberships may not be known here."""
        self.last = last
        self.announced = last
        """The highest known event number."""
        self.size = 0
        """The number of members, connected or not, from the latest summary."""
        self.encrypted = False
        """The room is end-to-end encrypted; once true, it stays so."""
        self.is_request = False
        """A direct room that someone here had not accepted yet; stays true."""
        self.out = BatchingWriter(Pace(loop, floor, deliveries))
        self.filling = False
        """The missing events are being fetched, or will be."""
        self._early: dict[Seq, LogEvent] = {}

    def fail(self) -> None:
        """Close the connections of all members, because events could not be delivered."""
        for peer in list(self.out.members):
            peer.fail()

    @property
    def has_hole(self) -> bool:
        """Whether known events are missing."""
        return self.announced > self.last

    def take(self, event: LogEvent) -> Sequence[LogEvent]:
        """Add an event and return the events that can be delivered now, in order."""
        seq = event.seq
        if seq == self.last + 1:
            self.last = seq
            return self._follow(event) if self._early else (event,)
        if seq > self.last:
            self.announced = max(self.announced, seq)
            if len(self._early) < _EARLY:
                self._early[seq] = event
        return ()

    def _follow(self, event: LogEvent) -> Sequence[LogEvent]:
        due = [event]
        while (later := self._early.pop(Seq(self.last + 1), None)) is not None:
            self.last = later.seq
            due.append(later)
        self._early = {seq: kept for seq, kept in self._early.items() if seq > self.last}
        return due
