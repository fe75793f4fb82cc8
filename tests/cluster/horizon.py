"""Which events a room can have had at a time, as far as clients can tell."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate

from tests.cluster.records import History, Opened, Room, Seen


class Horizon:
    """At least the events that anyone knew, and at most those before the events of later requests."""

    def __init__(self, history: History) -> None:
        known: defaultdict[Room, list[tuple[float, int]]] = defaultdict(list)
        later: defaultdict[Room, list[tuple[float, int]]] = defaultdict(list)
        for call in history.calls:
            if call.seqs:
                later[call.room].append((call.began, call.seqs[0]))
                known[call.room].append((call.ended, call.seqs[0]))
        for one in history.heard:
            match one:
                case Seen(event=event):
                    known[event.room].append((one.at, event.seq))
                case Opened(room=room, head=head):
                    known[room].append((one.at, head))
                case _:
                    pass
        for read in history.reads:
            known[read.room].append((read.ended, max((event.seq for event in read.events), default=0)))
        self._known = {}
        for room, found in known.items():
            found.sort()
            tops = list(accumulate((seq for _, seq in found), max))
            self._known[room] = [at for at, _ in found], tops
        self._later = {}
        for room, found in later.items():
            found.sort()
            lowest = list(accumulate((seq for _, seq in reversed(found)), min))[::-1]
            self._later[room] = [at for at, _ in found], lowest
        self._heads = {room: len(events) for room, events in history.log.items()}

    def known(self, room: Room, at: float) -> int:
        """Return the highest number that someone knew before ``at``."""
        times, tops = self._known.get(room, ((), ()))
        index = bisect_left(times, at)
        return tops[index - 1] if index else 0

    def possible(self, room: Room, at: float) -> int:
        """Return the highest number that there can have been at ``at``."""
        times, lowest = self._later.get(room, ((), ()))
        index = bisect_right(times, at)
        head = self._heads.get(room, 0)
        return min(head, lowest[index] - 1) if index < len(times) else head
