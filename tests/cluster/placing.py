"""Finds the event of each request, and the request of each event.

Every acknowledged request is in the log exactly once; one without an answer at most once; a refused one
never; and nothing is in the log that nobody asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tests.cluster.final_log import OF_CLIENTS, FinalLog, RoomLog, asked
from tests.cluster.horizon import Horizon
from tests.cluster.records import Call, History, Outcome, Room, User, kind_of, told
from tests.cluster.verdict import Verdict

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import AnyBody, Blank, Created, Edited, Message, Reacted

Placed = Mapping[str, int]
"""For requests that are in the log: by their id, the number."""
_Key = tuple[User, AnyBody | str]
"""Who asked for what; of a deleted event only the kind is left."""


def place_requests(history: History, log: FinalLog, horizon: Horizon, verdict: Verdict) -> Placed:
    """Hold each request against the log, and the other way around; return where each one is."""
    calls: defaultdict[Room, list[Call]] = defaultdict(list)
    for call in history.calls:
        calls[call.room].append(call)
    placed: dict[str, int] = {}
    for room in {*log.rooms, *calls}:
        if room in log.rooms:
            _Placing(log.rooms[room], horizon, verdict, placed, history.operator).place(calls[room])
        else:
            for call in calls[room]:
                if call.seqs:
                    verdict.fault(1, f"acknowledged, and there is no such room: {told(call)}")
    return placed


class _Placing:
    """Finds the event of each request of a room."""

    def __init__(
        self, log: RoomLog, horizon: Horizon, verdict: Verdict, placed: dict[str, int], operator: User
    ) -> None:
        self._log = log
        self._horizon = horizon
        self._verdict = verdict
        self._placed = placed
        self._operator = operator
        self._claimed: dict[int, Call] = {}
        self._free: defaultdict[_Key, list[int]] = defaultdict(list)
        """Events that no request has claimed, in order."""

    def place(self, calls: Iterable[Call]) -> None:
        """Place these requests, and tell of events that are left."""
        calls = [call for call in calls if call.body is not None]  # whispers have rules of their own
        for call in calls:
            if len(set(call.seqs)) > 1:
                self._verdict.fault(1, f"one request got different numbers: {told(call)}")
            if call.seqs:
                self._place_numbered(call)
        for event in self._log.events.values():
            if event.seq not in self._claimed and not self._needs_no_request(event):
                self._free[_key(event)].append(event.seq)
        done = [call for call in calls if call.outcome is Outcome.OK and not call.seqs]
        for call in sorted(done, key=lambda call: call.ended):
            self._place_unnumbered(call)
        for call in calls:
            if call.outcome is Outcome.UNKNOWN and not call.seqs:
                self._place_unknown(call)
        self._look_for_refused([call for call in calls if call.outcome is Outcome.REFUSED])
        self._tell_of_the_rest()

    def _place_numbered(self, call: Call) -> None:
        seq = call.seqs[0]
        stored = self._log.events.get(seq)
        if stored is None:
            self._verdict.fault(1, f"acknowledged, and not in the log: {told(call)}")
        elif seq in self._claimed:
            self._verdict.fault(1, f"two requests are acknowledged as one: {told(call)}")
        elif stored.author != call.user or not (asked(stored) == call.body or self._is_deleted(call, stored)):
            self._verdict.fault(1, f"acknowledged, and something else is in its place: {told(call)}")
        else:
            self._claim(call, seq)

    def _place_unnumbered(self, call: Call) -> None:
        """Find the event of someone who joined, or of an operator's command: their answers have no number."""
        first = self._horizon.known(self._log.room, call.began) + 1
        last = self._horizon.possible(self._log.room, call.ended)
        free = self._free_for(call)
        seq = next((seq for seq in free if first <= seq <= last), None)
        if seq is None:
            self._verdict.fault(1, f"acknowledged, and not in the log from {first} to {last}: {told(call)}")
        else:
            free.remove(seq)
            self._claim(call, seq)

    def _place_unknown(self, call: Call) -> None:
        first = self._horizon.known(self._log.room, call.began) + 1
        free = self._free_for(call)
        if free and not call.text:  # which of several is as good: only a text is asked for once
            free = [seq for seq in free if seq >= first][:1] or free[:1]
        for seq in free[:1]:
            self._free_for(call).remove(seq)
            self._placed[call.request] = seq
            self._claimed[seq] = call
            return
        blanks = self._free.get((call.user, call.kind), [])
        if blanks:
            self._claimed[blanks.pop(0)] = call

    def _look_for_refused(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._verdict.judged["refused request"] += 1
            if call.text and (found := self._free_for(call)):
                self._verdict.fault(1, f"refused, and in the log as {found}: {told(call)}")
                found.clear()
            elif call.text and any(one.text == call.text for one in self._claimed.values()):
                self._verdict.fault(1, f"refused, and in the log: {told(call)}")

    def _tell_of_the_rest(self) -> None:
        texts = {call.text for call in self._claimed.values()}
        for (author, body), seqs in self._free.items():
            what = body if isinstance(body, str) else kind_of(body)
            is_twice = isinstance(body, Message | Edited) and str(body.text) in texts
            say = "is there once more than it was asked for" if is_twice else "is something nobody asked for"
            for seq in seqs:
                self._verdict.fault(1, f"{self._log.room} {seq} ({what} of {author}) {say}")

    def _free_for(self, call: Call) -> list[int]:
        assert call.body is not None
        return self._free[call.user, call.body]

    def _claim(self, call: Call, seq: int) -> None:
        self._claimed[seq] = call
        self._placed[call.request] = seq
        kind = "operator's event" if call.user == self._operator else call.kind
        self._verdict.judged[f"{kind} stored"] += 1
        if len(call.seqs) > 1:
            self._verdict.judged["request over two connections at once"] += 1

    def _is_deleted(self, call: Call, stored: LogEvent) -> bool:
        if not isinstance(stored.body, Blank) or stored.body.was != call.kind:
            return False
        about = call.body.target if isinstance(call.body, Edited | Reacted) else stored.seq
        return about in self._log.deleted

    def _needs_no_request(self, event: LogEvent) -> bool:
        return isinstance(event.body, (Created, *OF_CLIENTS)) or event.seq in self._log.appointed


def _key(event: LogEvent) -> _Key:
    return event.author, event.body.was if isinstance(event.body, Blank) else asked(event)
