"""One room's events in the order of their numbers, for the members that are connected here.

It takes events in any order, more than once, with holes, and gives them out once, in order, without one:
what came too early is kept (up to a bound) until the hole is filled. It knows nothing of who may be a
member: `hub.py` keeps that, and asks the store for what is missing.
"""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from typing import Final

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId, Seq
from parlour_server.chat.batching import BatchingWriter

_EARLY: Final = 256
"""Events kept beyond a hole; further ones are read from the store when the hole is filled."""


class Sequencer:
    """A room with listeners here."""

    __slots__ = ("_early", "announced", "encrypted", "filling", "is_request", "last", "out", "room", "size")

    def __init__(self, room: RoomId, last: Seq, loop: AbstractEventLoop, floor: float) -> None:
        """Begin after event ``last``."""
        self.room = room
        self.last = last
        self.announced = last
        """The highest number that is known to exist."""
        self.size = 0
        """Members of the room, connected or not, as the latest summary said."""
        self.encrypted = False
        """The room is end-to-end encrypted; once true, it stays so."""
        self.is_request = False
        """It was told to someone as a direct room that they have not accepted yet; stays true."""
        self.out = BatchingWriter(loop, floor)
        self.filling = False
        """The missing events are being fetched, or will be."""
        self._early: dict[Seq, LogEvent] = {}

    def fail(self) -> None:
        """Close the connections of all members: they could not be given what they must have."""
        for state in list(self.out.members):
            state.fail()

    @property
    def has_hole(self) -> bool:
        """Whether events are known to exist that were not given out."""
        return self.announced > self.last

    def take(self, event: LogEvent) -> Sequence[LogEvent]:
        """Take an event and return what is due now, in order: perhaps nothing, perhaps more than one."""
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
