"""Checks what clients of a cluster saw against the final log, in linear passes, and returns each violation.

A numbered log needs no search for an order: the log is indexed once, and every record is held against it.
What a client can't know is never taken for a fault: a request without an answer was done or not, and what was
already on its way when a right ended may arrive within ``grace`` seconds, not counting outages of that node.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.cluster.records import Act, Call, History, Outcome, Room, User

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Blank,
    Created,
    Deleted,
    Edited,
    Handshake,
    Joined,
    Kicked,
    Left,
    Message,
)

GRACE: Final = 1.0
"""Seconds after which the end of a right holds at every node."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be; ``rule`` is the number of the assertion in docs/cluster.md."""

    rule: int
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


def check(history: History, *, grace: float = GRACE) -> list[Violation]:
    """Return everything that is wrong, in the order of the rules."""
    log = _Log(history)
    return [
        *_stored_once(history, log),
        *_numbers(log),
        *_views(history, log),
        *_real_time(history),
        *_removed(history, log, grace),
        *_sessions_ended(history, grace),
        *_tickets(history),
        *_deleted(history, log),
        *_commits(log),
    ]


class _Log:
    """The final log: texts and where they are, numbers, who is in, what is deleted."""

    def __init__(self, history: History) -> None:
        self.rooms: dict[Room, dict[int, LogEvent]] = {
            room: {event.seq: event for event in events} for room, events in history.log.items()
        }
        self.events = history.log
        self.texts: dict[Room, dict[str, list[int]]] = {}
        self.deleted: dict[Room, set[int]] = {}
        """Messages that a deletion names, and their edits."""
        for room, events in history.log.items():
            texts: defaultdict[str, list[int]] = defaultdict(list)
            for event in events:
                if isinstance(event.body, Message | Edited):
                    texts[event.body.text].append(event.seq)
            self.texts[room] = texts
            self.deleted[room] = {event.body.target for event in events if isinstance(event.body, Deleted)}
        self.spans: dict[tuple[Room, User], list[tuple[int, int]]] = {}
        """When someone was a member: from the number of the joining to that of the leaving (0: still)."""
        for room, events in history.log.items():
            self._find_members(room, events)

    def _find_members(self, room: Room, events: Sequence[LogEvent]) -> None:
        for event in events:
            match event.body:
                case Created() | Joined():
                    self._enter(room, event.author, event.seq)
                case Added(who=who):
                    self._enter(room, who, event.seq)
                case Left():
                    self._exit(room, event.author, event.seq)
                case Kicked(who=who) | Banned(who=who):
                    self._exit(room, who, event.seq)
                case _:
                    pass

    def _enter(self, room: Room, user: User, seq: int) -> None:
        spans = self.spans.setdefault((room, user), [])
        if not spans or spans[-1][1]:
            spans.append((seq, 0))

    def _exit(self, room: Room, user: User, seq: int) -> None:
        spans = self.spans.setdefault((room, user), [])
        if spans and not spans[-1][1]:
            spans[-1] = (spans[-1][0], seq)

    def is_member(self, room: Room, user: User, seq: int) -> bool:
        """Tell whether event ``seq`` was made while they were in; those of entering and leaving count."""
        return any(
            first <= seq and (not last or seq <= last) for first, last in self.spans.get((room, user), ())
        )

    def may_show(self, shown: LogEvent) -> bool:
        """Tell whether an event that was shown is the one in the log, or was before its deletion."""
        stored = self.rooms.get(shown.room, {}).get(shown.seq)
        if stored is None:
            return False
        same = (stored.at, stored.author, stored.device) == (shown.at, shown.author, shown.device)
        if not same or stored.body == shown.body:
            return same
        return isinstance(stored.body, Blank) and stored.body.was == _kind(shown)


def _kind(event: LogEvent) -> str:
    return str(type(event.body).__struct_config__.tag)


# 1. Every ok is in the log exactly once; a send without an answer at most once; a refused one never.


def _stored_once(history: History, log: _Log) -> Iterator[Violation]:
    for call in history.calls:
        if len(set(call.seqs)) > 1:
            yield Violation(1, f"one request got different numbers: {_told(call)}")
        if call.act in {Act.SEND, Act.EDIT}:
            yield from _text_once(call, log)
        elif call.act in {Act.DELETE, Act.KICK} and call.outcome is Outcome.OK and call.seqs:
            stored = log.rooms.get(call.room, {}).get(call.seqs[0])
            if stored is None or stored.author != call.user or not _does(call, stored):
                yield Violation(1, f"acknowledged, and not in the log: {_told(call)}")


def _text_once(call: Call, log: _Log) -> Iterator[Violation]:
    found = log.texts.get(call.room, {}).get(call.text, [])
    if call.outcome is Outcome.REFUSED and found:
        yield Violation(1, f"refused, and in the log as {found}: {_told(call)}")
    if len(found) > 1:
        yield Violation(1, f"in the log {len(found)} times, as {found}: {_told(call)}")
    if not call.seqs:
        return
    stored = log.rooms.get(call.room, {}).get(call.seqs[0])
    if stored is None:
        yield Violation(1, f"acknowledged, and not in the log: {_told(call)}")
    elif stored.author != call.user or not (found == [call.seqs[0]] or _is_deleted(call, stored, log)):
        yield Violation(1, f"acknowledged, and something else is in its place: {_told(call)}")
    elif found and found != [call.seqs[0]]:
        yield Violation(1, f"acknowledged, and also in the log as {found}: {_told(call)}")


def _is_deleted(call: Call, stored: LogEvent, log: _Log) -> bool:
    message = call.target if call.act is Act.EDIT else stored.seq
    return isinstance(stored.body, Blank) and message in log.deleted[stored.room]


def _does(call: Call, stored: LogEvent) -> bool:
    match stored.body:
        case Deleted(target=target):
            return call.act is Act.DELETE and target == call.target
        case Kicked(who=who):
            return call.act is Act.KICK and who == call.whom
        case _:
            return False


# 2. Numbers 1..n without holes; each view is a subsequence of the log; in the end all views are equal.


def _numbers(log: _Log) -> Iterator[Violation]:
    for room, events in log.events.items():
        numbers = [event.seq for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            holes = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
            twice = sorted(number for number, times in Counter(numbers).items() if times > 1)
            yield Violation(2, f"{room}: numbers missing: {holes[:10]}; repeated: {twice[:10]}")
        for event in events:
            if not isinstance(event.body, Created | Joined) and not log.is_member(
                room, event.author, event.seq
            ):
                yield Violation(4, f"{room}: {event.author} is not a member at {event.seq} ({_kind(event)})")


def _views(history: History, log: _Log) -> Iterator[Violation]:
    newest: dict[tuple[int, Room], int] = {}
    got: defaultdict[tuple[int, Room], set[int]] = defaultdict(set)
    for seen in history.seen:
        event, of = seen.event, history.connections[seen.connection]
        key = (seen.connection, event.room)
        if event.seq <= newest.get(key, 0):
            where = f"{event.room} {event.seq} at {of.node} for {of.user}"
            yield Violation(2, f"shown after {newest[key]}: {where}")
        newest[key] = max(event.seq, newest.get(key, 0))
        got[key].add(event.seq)
    for view in history.views:
        wanted = set(range(view.first, len(log.rooms.get(view.room, {})) + 1))
        if missing := sorted(wanted - got[view.connection, view.room]):
            count = f"{len(missing)} events, first {missing[0]}, last {missing[-1]}"
            yield Violation(2, f"{view.user} at {view.node} never got {count} of {view.room}")
    yield from _contents(history, log)


def _contents(history: History, log: _Log) -> Iterator[Violation]:
    bodies: dict[tuple[Room, int], AnyBody] = {}
    """As they were before a deletion, which the log no longer knows."""
    shown = [(history.connections[seen.connection].node, seen.event) for seen in history.seen]
    shown += [(read.node, event) for read in history.reads for event in read.events]
    for node, event in shown:
        where = f"{event.room} {event.seq} at {node} ({_kind(event)})"
        if not log.may_show(event):
            yield Violation(2, f"shown, and not so in the log: {where}")
        elif isinstance(event.body, Blank):
            continue
        elif bodies.setdefault((event.room, event.seq), event.body) != event.body:
            yield Violation(2, f"shown, and others were shown something else: {where}")
    for read in history.reads:
        numbers = [event.seq for event in read.events]
        if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            yield Violation(2, f"a page of {read.room} at {read.node} has holes: {numbers}")


# 3. Real time: an ok before another send begins has the smaller number, and is readable from every node.


def _real_time(history: History) -> Iterator[Violation]:
    acknowledged: defaultdict[Room, list[tuple[float, int]]] = defaultdict(list)
    for call in history.calls:
        if call.outcome is Outcome.OK and call.seqs:
            acknowledged[call.room].append((call.ended, call.seqs[0]))
    highest: dict[Room, tuple[list[float], list[int]]] = {}
    for room, answers in acknowledged.items():
        answers.sort()
        times, tops = [], []
        top = 0
        for at, seq in answers:
            top = max(top, seq)
            times.append(at)
            tops.append(top)
        highest[room] = times, tops

    def before(room: Room, at: float) -> int:
        times, tops = highest.get(room, ([], []))
        index = bisect_left(times, at)
        return tops[index - 1] if index else 0

    for call in history.calls:
        if call.seqs and (top := before(call.room, call.began)) >= call.seqs[0]:
            yield Violation(3, f"{top} was acknowledged before it began: {_told(call)}")
    for read in history.reads:
        top = before(read.room, read.began)
        if top > max((event.seq for event in read.events), default=0):
            shown = max((event.seq for event in read.events), default=0)
            yield Violation(
                3, f"{read.user} read {read.room} at {read.node} up to {shown}; {top} was acknowledged"
            )


# 4. Nobody sees, reads, sends or redeems after the removal or the revocation that ends it, beyond a second.


class _Deadlines:
    """When the end of a right must hold at a node."""

    def __init__(self, history: History, grace: float) -> None:
        self._grace = grace
        self._outages: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for outage in sorted(history.outages, key=lambda outage: outage.start):
            self._outages[outage.node].append((outage.start, outage.end))

    def after(self, at: float, node: str) -> float:
        deadline = at + self._grace
        for start, end in self._outages[node]:
            if start < deadline and end > at:
                deadline = max(deadline, end + self._grace)
        return deadline


class _Removals:
    """When people were removed from rooms, and when they may have come back."""

    def __init__(self, history: History) -> None:
        self.of: defaultdict[tuple[Room, User], list[tuple[float, int]]] = defaultdict(list)
        """Times of acknowledged removals, and their numbers."""
        self._joins: defaultdict[tuple[Room, User], list[tuple[float, float]]] = defaultdict(list)
        for call in history.calls:
            if call.act is Act.KICK and call.outcome is Outcome.OK and call.seqs:
                self.of[call.room, call.whom].append((call.ended, call.seqs[0]))
            elif call.act is Act.JOIN and call.outcome is not Outcome.REFUSED:
                ended = call.ended if call.outcome is Outcome.OK else float("inf")
                self._joins[call.room, call.user].append((call.began, ended))

    def back(self, room: Room, user: User, removed: float) -> float:
        """Return when they may have been back at the earliest.

        A request to join without an answer may be done at any later time.
        """
        return min(
            (began for began, ended in self._joins[room, user] if ended > removed), default=float("inf")
        )


def _removed(history: History, log: _Log, grace: float) -> Iterator[Violation]:
    deadlines = _Deadlines(history, grace)
    removals = _Removals(history)
    for seen in history.seen:
        of, event = history.connections[seen.connection], seen.event
        if log.is_member(event.room, of.user, event.seq):
            continue
        for at, seq in removals.of.get((event.room, of.user), ()):
            back = removals.back(event.room, of.user, at)  # members may see what was before them
            if event.seq > seq and deadlines.after(at, of.node) < seen.at < back:
                late = f"{seen.at - at:.2f} s after the removal by {seq}"
                yield Violation(4, f"{of.user} saw {event.room} {event.seq} at {of.node} {late}")
                break
    for read in history.reads:
        for at, seq in removals.of.get((read.room, read.user), ()):
            back = removals.back(read.room, read.user, at)
            if deadlines.after(at, read.node) < read.began and read.ended < back:
                late = f"{read.began - at:.2f} s after the removal by {seq}"
                yield Violation(4, f"{read.user} read {read.room} at {read.node} {late}")
                break


def _sessions_ended(history: History, grace: float) -> Iterator[Violation]:
    deadlines = _Deadlines(history, grace)
    ended = {end.session: end.at for end in history.session_ends}
    if not ended:
        return
    for seen in history.seen:
        of = history.connections[seen.connection]
        if (at := ended.get(of.session)) is not None and seen.at > deadlines.after(at, of.node):
            late = f"{seen.at - at:.2f} s after the end of the session"
            yield Violation(4, f"{of.user} saw {seen.event.room} {seen.event.seq} at {of.node} {late}")
    for read in history.reads:
        if (at := ended.get(read.session)) is not None and read.began > deadlines.after(at, read.node):
            yield Violation(4, f"{read.user} read {read.room} at {read.node} after the end of the session")
    for call in history.calls:
        at = ended.get(call.session)
        if (
            at is not None
            and call.seqs
            and all(call.began > deadlines.after(at, node) for node in call.nodes)
        ):
            yield Violation(4, f"acknowledged after the end of the session: {_told(call)}")
    for ticket in history.redeemed:
        if (at := ended.get(ticket.session)) is not None and ticket.began > deadlines.after(at, ticket.node):
            yield Violation(4, f"a ticket was redeemed at {ticket.node} after the end of its session")


# 5. One ticket, one socket; one request id, one event; deleted text nowhere; MLS commits: one for an epoch.


def _tickets(history: History) -> Iterator[Violation]:
    nodes: defaultdict[int, list[str]] = defaultdict(list)
    for ticket in history.redeemed:
        nodes[ticket.ticket].append(ticket.node)
    for number, where in nodes.items():
        if len(where) > 1:
            yield Violation(5, f"ticket {number} opened {len(where)} sockets, at {', '.join(where)}")


def _deleted(history: History, log: _Log) -> Iterator[Violation]:
    for room, targets in log.deleted.items():
        for event in log.events[room]:
            if (message := _message_of(event)) in targets:
                yield Violation(5, f"{room}: the text of {event.seq} is in the log, and {message} is deleted")
    yield from _deleted_and_read(history)
    if not history.stored:
        return
    for call in history.calls:
        message = call.target if call.act is Act.EDIT else next(iter(call.seqs), 0)
        if call.text and message in log.deleted.get(call.room, ()) and call.text in history.stored:
            yield Violation(5, f"deleted, and in the database: {_told(call)}")


def _deleted_and_read(history: History) -> Iterator[Violation]:
    done: dict[tuple[Room, int], float] = {}
    for call in history.calls:
        if call.act is Act.DELETE and call.outcome is Outcome.OK:
            at = done.get((call.room, call.target), float("inf"))
            done[call.room, call.target] = min(at, call.ended)
    for read in history.reads:
        for event in read.events:
            if done.get((event.room, _message_of(event)), float("inf")) < read.began:
                yield Violation(5, f"{read.user} read the deleted {event.room} {event.seq} at {read.node}")


def _message_of(event: LogEvent) -> int:
    """Return the message whose text, or whose edited text, is in an event; 0 if it has none."""
    match event.body:
        case Message():
            return event.seq
        case Edited(target=target):
            return target
        case _:
            return 0


def _commits(log: _Log) -> Iterator[Violation]:
    for room, events in log.events.items():
        epochs = Counter(
            (event.body.group, event.body.epoch) for event in events if isinstance(event.body, Handshake)
        )
        for (group, epoch), times in epochs.items():
            if times > 1:
                yield Violation(5, f"{room}: {times} commits for epoch {epoch} of {group}")


def _told(call: Call) -> str:
    numbers = f" as {list(call.seqs)}" if call.seqs else ""
    what = call.text or call.whom or str(call.target)
    return f"{call.act.value} {what!r} of {call.user} in {call.room} at {', '.join(call.nodes)}{numbers}"
