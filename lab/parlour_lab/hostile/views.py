"""Another log for one device: events left out, renumbered or turned around, in everything that it is told.

``View`` translates the numbers of one room both ways, so that the device sees a log without a hole and asks
for the right events: an attack that no number betrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from parlour_lab.hostile.middle import Lies
from parlour_protocol.delivery import EventStored, Welcomes
from parlour_protocol.frames import AnyRequest, Hello, LogEvent, Ok, RoomSummary
from parlour_protocol.frames.replies import Entered, Page, RoomEntered, Stored
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Seq


@dataclass
class View:
    """What one device is shown of a room's log. Numbers are true ones."""

    room: RoomId
    dropped: set[int] = field(default_factory=set)
    swapped: dict[int, int] = field(default_factory=dict)

    def tell(self, lies: Lies) -> None:
        """Show this log from here on."""
        lies.frames.append(self.told)
        lies.requests.append(self.asked)
        lies.shown[self.room] = self.shown
        for call in ("create_group", "commit", "contest"):
            lies.answer(call, self._logged)
        lies.answer("welcomes", self._welcomes)

    def swap(self, one: int, other: int) -> None:
        """Turn two events around."""
        self.swapped |= {one: other, other: one}

    def shown(self, seq: int) -> Seq:
        """Return under which number an event is shown; a dropped one: that of the event before it."""
        seq = self.swapped.get(seq, seq)
        return Seq(seq - sum(1 for one in self.dropped if one <= seq))

    def true(self, seq: int) -> Seq:
        """Return the number of the last event that is shown under ``seq`` or below."""
        true = seq
        while self.shown(true + 1) <= seq:
            true += 1
        return Seq(true)

    def kept(self, seq: int) -> Seq:
        """Return the number of the event that is shown under ``seq``."""
        true = self.true(seq)
        while true in self.dropped:
            true = Seq(true - 1)
        return true

    def told(self, frame: Frame) -> Sequence[Frame]:  # noqa: PLR0911 - one case for each frame
        match frame:
            case LogEvent(room=self.room):
                return self._events([frame])
            case Ok(result=Page(room=self.room) as page):
                return [replace(frame, result=replace(page, events=tuple(self._events(page.events))))]
            case Ok(result=Stored(room=self.room) as stored):
                return [replace(frame, result=replace(stored, seq=self.shown(stored.seq)))]
            case Ok(result=Entered(room=summary)):
                return [replace(frame, result=Entered(room=self._summary(summary)))]
            case RoomEntered(room=summary):
                return [replace(frame, room=self._summary(summary))]
            case Hello(rooms=rooms):
                return [replace(frame, rooms=tuple(self._summary(one) for one in rooms))]
            case _:
                return [frame]

    def asked(self, frame: AnyRequest) -> AnyRequest:
        match frame:
            case History(room=self.room, after=int() as after):
                return replace(frame, after=self.true(after))
            case History(room=self.room, before=int() as before):
                return replace(frame, before=Seq(self.kept(before - 1) + 1))
            case _:
                return frame

    def _events(self, events: Sequence[LogEvent]) -> list[LogEvent]:
        kept = [event for event in events if event.seq not in self.dropped]
        return sorted((replace(one, seq=self.shown(one.seq)) for one in kept), key=lambda one: one.seq)

    def _summary(self, summary: RoomSummary) -> RoomSummary:
        if summary.room != self.room:
            return summary
        return replace(summary, head=self.shown(summary.head))

    def _logged(self, logged: EventStored) -> EventStored:
        return replace(logged, seq=self.shown(logged.seq))

    def _welcomes(self, found: Welcomes) -> Any:
        mine = [
            replace(one, seq=self.shown(one.seq)) if one.room == self.room else one for one in found.welcomes
        ]
        return replace(found, welcomes=tuple(mine))
