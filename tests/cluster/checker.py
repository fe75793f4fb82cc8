"""Checks what clients of a cluster saw against the final log, in linear passes.

A numbered log needs no search for an order: the log is indexed once, and every record is held against it.
What a client can't know is never taken for a fault: a request without an answer was done or not. A right
ends with a number of the log, and what a client was sent, could read or do is judged by numbers: being late
excuses nobody. Only a session ends at a time, and what was sent or asked later must not be there.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from tests.cluster.encrypted_checks import check_encrypted
from tests.cluster.final_log import (
    ARCHIVED,
    BANNED,
    INSIDE,
    INVITED,
    MODERATES,
    MUTED,
    WITHDRAWN,
    FinalLog,
)
from tests.cluster.horizon import Horizon
from tests.cluster.placing import Placed, place_requests
from tests.cluster.records import (
    Call,
    History,
    Opened,
    Outcome,
    Room,
    Seen,
    Shut,
    User,
    kind_of,
    told,
)
from tests.cluster.verdict import Verdict

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Blank,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
)

GRACE: Final = 1.0
"""Seconds after which the end of a session holds at every node."""


def check(history: History, *, grace: float = GRACE) -> Verdict:
    """Return everything that is wrong, in the order of the rules, and what was judged."""
    verdict = Verdict()
    log = FinalLog(history)
    horizon = Horizon(history)
    placed = place_requests(history, log, horizon, verdict)
    _direct_rooms(history, verdict)
    _files(history, log, horizon, placed, grace, verdict)
    _numbers(log, verdict)
    _heard(history, log, verdict)
    _views(history, log, verdict)
    _contents(history, log, verdict)
    _without_bus(history, placed, verdict)
    _real_time(history, horizon, placed, verdict)
    _allowed(log, verdict)
    _refusals(history, log, horizon, verdict)
    _pages_of_the_removed(history, log, horizon, verdict)
    _kept_from_the_removed(history, log, verdict)
    _sessions_ended(history, placed, grace, verdict)
    _tickets(history, verdict)
    _deleted(history, log, verdict)
    check_encrypted(history, log, verdict)
    return verdict


# 1. What becomes of requests, `placing` tells. A pair has one direct room; a file is what was stored.


def _direct_rooms(history: History, verdict: Verdict) -> None:
    rooms: dict[frozenset[User], Room] = {}
    for room, pair in history.pairs.items():
        verdict.judged["direct room opened"] += 1
        if rooms.setdefault(pair, room) != room:
            verdict.fault(1, f"{' and '.join(sorted(pair))} have two direct rooms: {rooms[pair]} and {room}")


def _files(
    history: History, log: FinalLog, horizon: Horizon, placed: Placed, grace: float, verdict: Verdict
) -> None:
    """Hold each download against what was stored, and against who was in the room."""
    named = {
        call.body.file.file: call
        for call in history.calls
        if isinstance(call.body, Message) and call.body.file is not None and call.request in placed
    }
    deletions = _deletions(history)
    for one in history.downloads:
        stored, call = history.files[one.file], named.get(one.file)
        first, last = horizon.known(stored.room, one.began), horizon.possible(stored.room, one.ended)
        room = log.rooms[stored.room]
        who = f"{one.user} at {one.node}: file {one.file} of {stored.room}"
        if one.digest:
            verdict.judged["file read back"] += 1
            if one.digest != stored.digest:
                verdict.fault(1, f"{who} is another one than was stored")
            if not room.spans.ever(INSIDE, one.user, first, last):
                verdict.fault(4, f"{who} was read by someone who was not in the room")
            if call and deletions.get((call.room, placed[call.request]), math.inf) + grace < one.began:
                verdict.fault(5, f"{who} was read after its message was deleted")
        elif not room.spans.ever(INSIDE, one.user, first, last):
            verdict.judged["file refused to an outsider"] += 1
        elif (
            call
            and call.outcome is Outcome.OK
            and call.ended < one.began
            and placed[call.request] not in room.deleted
            and room.spans.always(INSIDE, one.user, first, last)
        ):
            verdict.fault(1, f"{who} is lost")


# 2. Numbers 1..n without holes; each connection is sent the log in order, without holes or repetition.


def _numbers(log: FinalLog, verdict: Verdict) -> None:
    for room, events in log.events.items():
        numbers = [event.seq for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            holes = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
            twice = sorted(number for number, times in Counter(numbers).items() if times > 1)
            verdict.fault(
                2, f"{room}: numbers missing: {holes[:10]}; repeated: {twice[:10]}; or not in order"
            )


def _heard(history: History, log: FinalLog, verdict: Verdict) -> None:
    """Hold what came over each connection against the log, in the order in which it came."""
    newest: dict[tuple[int, Room], int] = {}
    told_head: dict[tuple[int, Room], int] = {}
    """Up to where someone who is in was told that the room goes: older events may still come."""
    for one in history.heard:
        of = history.connections[one.connection]
        if isinstance(one, Shut):
            told_head.pop((one.connection, one.room), None)
            continue
        if isinstance(one, Opened):
            key = (one.connection, one.room)
            told_head[key] = max(one.head, told_head.get(key, 0))
            continue
        event = one.event
        room = log.rooms.get(event.room)
        if room is None:
            continue
        verdict.judged["event shown"] += 1
        key = (one.connection, event.room)
        where = f"{event.room} {event.seq} at {of.node} for {of.user}"
        before = newest.get(key, 0)
        if key not in told_head:
            verdict.fault(4, f"shown where the room is not open: {where}")
        elif event.seq <= before:
            verdict.fault(2, f"shown after {before}: {where}")
        elif event.seq > (due := max(before, told_head[key]) + 1):
            verdict.fault(2, f"shown, and {due} was not: {where}")
        if event.seq > told_head.get(key, 0) and not room.is_member(of.user, event.seq):
            verdict.fault(4, f"shown to someone who was not in the room: {where}")
        newest[key] = max(event.seq, before)


def _views(history: History, log: FinalLog, verdict: Verdict) -> None:
    got: defaultdict[tuple[int, Room], set[int]] = defaultdict(set)
    for seen in history.seen:
        got[seen.connection, seen.event.room].add(seen.event.seq)
    for view in history.views:
        if view.room not in log.rooms:
            continue
        verdict.judged["complete view"] += 1
        wanted = set(range(view.first, log.rooms[view.room].head + 1))
        if missing := sorted(wanted - got[view.connection, view.room]):
            count = f"{len(missing)} events, first {missing[0]}, last {missing[-1]}"
            verdict.fault(2, f"{view.user} at {view.node} never got {count} of {view.room}")


def _contents(history: History, log: FinalLog, verdict: Verdict) -> None:
    bodies: dict[tuple[Room, int], AnyBody] = {}
    """As they were before a deletion, which the log no longer knows."""
    shown = [(history.connections[seen.connection].node, seen.event) for seen in history.seen]
    shown += [(read.node, event) for read in history.reads for event in read.events]
    for node, event in shown:
        if event.room not in log.rooms:
            continue
        where = f"{event.room} {event.seq} at {node} ({kind_of(event.body)})"
        if not log.may_show(event):
            verdict.fault(2, f"shown, and not so in the log: {where}")
        elif isinstance(event.body, Blank):
            continue
        elif bodies.setdefault((event.room, event.seq), event.body) != event.body:
            verdict.fault(2, f"shown, and others were shown something else: {where}")
    for read in history.reads:
        numbers = [event.seq for event in read.events]
        if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            verdict.fault(2, f"a page of {read.room} at {read.node} has holes: {numbers}")


def _without_bus(history: History, placed: Placed, verdict: Verdict) -> None:
    """Count the events that nodes can have found in the database only."""
    made = {
        (call.room, placed[call.request]): call
        for call in history.calls
        if call.request in placed
        and any(start < call.began and call.ended < end for start, end in history.without_bus)
    }
    for seen in history.seen:
        call = made.get((seen.event.room, seen.event.seq))
        if call is not None and history.connections[seen.connection].node not in {*call.nodes, "front"}:
            verdict.judged["event found without the bus"] += 1


# 3. Real time: what anyone knew before a request began has a smaller number, and is readable from every node.


def _real_time(history: History, horizon: Horizon, placed: Placed, verdict: Verdict) -> None:
    for call in history.calls:
        seq = call.seqs[0] if call.seqs else placed.get(call.request)
        if seq is None or not (top := horizon.known(call.room, call.began)):
            continue
        verdict.judged["request after an answer"] += 1
        if top >= seq:
            verdict.fault(3, f"{top} was acknowledged or shown before it began: {told(call)}")
    for read in history.reads:
        top = horizon.known(read.room, read.began)
        if not (read.events and top):
            continue
        verdict.judged["page after an answer"] += 1
        if top > (shown := max(event.seq for event in read.events)):
            verdict.fault(
                3, f"{read.user} read {read.room} at {read.node} up to {shown}; {top} was known before"
            )


# 4. What someone has no right to is not stored, not shown, not read, and not refused to who has the right.


def _allowed(log: FinalLog, verdict: Verdict) -> None:
    for room in log.rooms.values():
        for event, why in room.faults:
            verdict.fault(4, f"{room.room} {event.seq} ({kind_of(event.body)}): {event.author} {why}")


def _refusals(history: History, log: FinalLog, horizon: Horizon, verdict: Verdict) -> None:
    """Look for the reason that a refusal names, at some moment of the request."""
    for call in history.calls:
        room = log.rooms.get(call.room)
        if call.outcome is not Outcome.REFUSED or room is None:
            continue
        first, last = horizon.known(call.room, call.began), horizon.possible(call.room, call.ended)
        spans, user = room.spans, call.user
        is_plain = isinstance(call.body, Message) and call.body.file is None
        match call.code:
            case "muted":
                verdict.judged[f"{call.kind} refused to someone muted"] += 1
                is_true = spans.ever(MUTED, user, first, last)
            case "banned":
                verdict.judged["joining refused to someone banned"] += isinstance(call.body, Joined)
                is_true = spans.ever(BANNED, user, first, last)
            case "archived":
                verdict.judged[f"{call.kind} refused in an archived room"] += 1
                is_true = spans.ever(ARCHIVED, "", first, last)
            case "forbidden" | "not_found" if is_plain:
                verdict.judged["message refused to someone removed"] += bool(spans.of(INSIDE, user))
                is_true = not spans.always(INSIDE, user, first, last)
            case "forbidden" if isinstance(call.body, Kicked | Banned | Muted | RoleSet):
                verdict.judged["act refused for a role"] += 1
                is_true = (
                    isinstance(call.body, RoleSet)
                    or spans.ever(MODERATES, call.body.who, first, last)
                    or not spans.always(MODERATES, user, first, last)
                )
            case "not_found" if isinstance(call.body, Joined):
                verdict.judged["joining refused after a withdrawal"] += spans.always(
                    WITHDRAWN, user, first, last
                )
                is_true = not spans.always(INVITED, user, first, last)
            case _:
                continue
        if not is_true:
            verdict.fault(4, f"refused as {call.code}, for no reason from {first} to {last}: {told(call)}")


def _pages_of_the_removed(history: History, log: FinalLog, horizon: Horizon, verdict: Verdict) -> None:
    for read in history.reads:
        room = log.rooms.get(read.room)
        if room is None:
            continue
        first, last = horizon.known(read.room, read.began), horizon.possible(read.room, read.ended)
        if room.spans.ever(INSIDE, read.user, first, last):
            continue
        if read.events:
            verdict.fault(
                4, f"{read.user} read {read.room} at {read.node}, and was not in from {first} to {last}"
            )
        elif room.spans.of(INSIDE, read.user):
            verdict.judged["page refused to someone removed"] += 1


def _kept_from_the_removed(history: History, log: FinalLog, verdict: Verdict) -> None:
    """Count what open connections of someone who was removed were not sent; `_heard` tells of the others."""
    shown: defaultdict[Room, dict[int, float]] = defaultdict(dict)
    opened: defaultdict[tuple[Room, User], set[int]] = defaultdict(set)
    for one in history.heard:
        if isinstance(one, Seen):
            shown[one.event.room].setdefault(one.event.seq, one.at)
        elif isinstance(one, Opened):
            opened[one.room, history.connections[one.connection].user].add(one.connection)
    for name, room in log.rooms.items():
        for event in room.events.values():
            if isinstance(event.body, Kicked | Banned):
                who = event.body.who
            elif isinstance(event.body, Left):
                who = event.author
            else:
                continue
            open_then = [
                history.connections[number]
                for number in opened[name, who]
                if history.connections[number].opened < shown[name].get(event.seq, 0)
            ]
            for seq in range(event.seq + 1, room.head + 1):
                if room.is_member(who, seq):
                    break
                at = shown[name].get(seq)
                verdict.judged["event kept from someone removed"] += at is not None and any(
                    connection.closed > at for connection in open_then
                )


class _Ends:
    """When sessions ended, and from when on each node must know.

    The grace begins again with the end of an outage of that node.
    """

    def __init__(self, history: History, grace: float) -> None:
        self.of: Final = {end.session: end for end in history.session_ends}
        self._grace = grace
        self._outages = sorted(history.outages, key=lambda outage: outage.start)

    def deadline(self, session: str, node: str) -> float:
        """Return the time after which nothing is sent to a session, or done for it."""
        if session not in self.of:
            return math.inf
        at = self.of[session].at
        deadline = at + self._grace
        for one in self._outages:
            if one.node == node and one.start < deadline and one.end > at:
                deadline = max(deadline, one.end + self._grace)
        return deadline


def _sessions_ended(history: History, placed: Placed, grace: float, verdict: Verdict) -> None:
    """Look for what reached an ended session, and was sent or asked after its deadline."""
    ends = _Ends(history, grace)
    made = {(call.room, placed[call.request]): call for call in history.calls if call.request in placed}
    made |= {(call.room, call.seqs[0]): call for call in history.calls if call.seqs}
    for seen in history.seen if ends.of else ():
        of = history.connections[seen.connection]
        call = made.get((seen.event.room, seen.event.seq))
        if call is not None and call.began > ends.deadline(of.session, of.node):
            late = f"{call.began - ends.of[of.session].at:.2f} s after the end of the session"
            verdict.fault(4, f"{of.user} at {of.node} saw what was sent {late}: {told(call)}")
    for read in history.reads:
        if read.events and read.began > ends.deadline(read.session, read.node):
            verdict.fault(4, f"{read.user} read {read.room} at {read.node} after the end of the session")
    is_stored = {call.request for call in made.values()}
    for call in history.calls:
        if call.session in ends.of and call.began > ends.of[call.session].at:
            verdict.judged["request of an ended session"] += 1
            if call.request in is_stored:
                verdict.fault(4, f"asked for after the end of the session, and stored: {told(call)}")
    _kept_from_sessions(history, ends, made.values(), verdict)


def _kept_from_sessions(history: History, ends: _Ends, calls: Iterable[Call], verdict: Verdict) -> None:
    """Count what was sent, after its end, to rooms of a session that was connected then."""
    rooms: defaultdict[int, set[Room]] = defaultdict(set)
    for one in history.heard:
        if isinstance(one, Opened):
            rooms[one.connection].add(one.room)
    for connection in history.connections.values():
        end = ends.of.get(connection.session)
        if end is None or not connection.opened < end.at < connection.closed:
            continue  # it was not this end that ended the connection
        deadline = ends.deadline(end.session, connection.node)
        verdict.judged["event kept from an ended session"] += sum(
            call.room in rooms[connection.number] and deadline < call.began < end.until for call in calls
        )


# 5. One ticket, one socket, and none after its session; deleted text nowhere.


def _tickets(history: History, verdict: Verdict) -> None:
    attempts: defaultdict[int, list[str]] = defaultdict(list)
    opened: defaultdict[int, list[str]] = defaultdict(list)
    ended = {end.session: end.at for end in history.session_ends}
    for one in history.redemptions:
        attempts[one.ticket].append(one.node)
        is_over = ended.get(one.session, math.inf) < one.began
        if one.taken:
            opened[one.ticket].append(one.node)
            if is_over:
                verdict.fault(4, f"a ticket was redeemed at {one.node} after the end of its session")
        else:
            verdict.judged["ticket refused after the end of its session"] += is_over
    for number, where in attempts.items():
        verdict.judged["ticket offered twice"] += len(where) > 1
        if len(opened[number]) > 1:
            verdict.fault(
                5, f"ticket {number} opened {len(opened[number])} sockets, at {', '.join(opened[number])}"
            )


def _deletions(history: History) -> dict[tuple[Room, int], float]:
    """Return when the deletions of messages were acknowledged."""
    done: dict[tuple[Room, int], float] = {}
    for call in history.calls:
        if isinstance(call.body, Deleted) and call.outcome is Outcome.OK:
            key = (call.room, call.body.target)
            done[key] = min(done.get(key, math.inf), call.ended)
    return done


def _deleted(history: History, log: FinalLog, verdict: Verdict) -> None:
    for room in log.rooms.values():
        verdict.judged["deletion"] += len(room.deleted)
        for event in room.events.values():
            if (message := _message_of(event)) in room.deleted:
                verdict.fault(
                    5, f"{room.room}: the text of {event.seq} is in the log, and {message} is deleted"
                )
    done = _deletions(history)
    for read in history.reads:
        for event in read.events:
            if done.get((event.room, _message_of(event)), math.inf) < read.began:
                verdict.fault(5, f"{read.user} read the deleted {event.room} {event.seq} at {read.node}")
    for call in history.calls if history.stored else ():
        message = call.body.target if isinstance(call.body, Edited) else next(iter(call.seqs), 0)
        if call.text and call.room in log.rooms and message in log.rooms[call.room].deleted:
            verdict.judged["deleted text looked for in the database"] += 1
            if call.text in history.stored:
                verdict.fault(5, f"deleted, and in the database: {told(call)}")


def _message_of(event: LogEvent) -> int:
    """Return the message whose text, edited text or reaction is in an event; 0 if it has none."""
    match event.body:
        case Message():
            return event.seq
        case Edited(target=target) | Reacted(target=target):
            return target
        case _:
            return 0
