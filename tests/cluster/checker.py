"""Checks what clients of a cluster saw against the final log, in linear passes, and returns each violation.

A numbered log needs no search for an order: the log is indexed once, and every record is held against it.
What a client can't know is never taken for a fault: a request without an answer was done or not, and what was
already on its way when a right ended may arrive within ``grace`` seconds, not counting outages of that node.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.cluster.records import Act, Call, History, Lag, Outage, Outcome, Room, User

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Blank,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    GroupCreated,
    Handshake,
    Joined,
    Kicked,
    Left,
    Message,
)
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import DeviceId

GRACE: Final = 1.0
"""Seconds after which the end of a right holds at every node."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be; ``rule`` is the number of the assertion in docs/how-to/cluster.md."""

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
        *_commits(history, log),
        *_whispers(history, log),
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

    def stays(self, room: Room, user: User, seq: int) -> bool:
        """Tell whether someone is in from an event to the end."""
        return any(first <= seq and not last for first, last in self.spans.get((room, user), ()))

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
    """When the end of a right must hold at a node.

    The grace begins again with the end of an outage of that node, and time in which this process was late
    does not count.
    """

    def __init__(self, history: History, grace: float) -> None:
        self._grace = grace
        outages: defaultdict[str, list[Outage | Lag]] = defaultdict(list)
        for outage in history.outages:
            outages[outage.node].append(outage)
        nodes = {*outages, *(connection.node for connection in history.connections.values())}
        self._held_up = {
            node: sorted([*outages[node], *history.lags], key=lambda one: one.start) for node in nodes
        }

    def after(self, at: float, node: str) -> float:
        deadline = at + self._grace
        for one in self._held_up.get(node, ()):
            if one.start >= deadline or one.end <= at:
                continue
            if isinstance(one, Outage):
                deadline = max(deadline, one.end + self._grace)
            else:
                deadline += one.end - max(one.start, at)
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


def _commits(history: History, log: _Log) -> Iterator[Violation]:
    for room, events in log.events.items():
        epochs = Counter(
            (event.body.group, event.body.epoch) for event in events if isinstance(event.body, Handshake)
        )
        for (group, epoch), times in epochs.items():
            if times > 1:
                yield Violation(5, f"{room}: {times} commits for epoch {epoch} of {group}")
    keys: dict[tuple[GroupId, Epoch], str] = {}
    for agreed in history.agreements:
        if keys.setdefault((agreed.group, agreed.epoch), agreed.authenticator) != agreed.authenticator:
            yield Violation(5, f"{agreed.room}: devices have different keys in epoch {agreed.epoch}")


# The same for what is encrypted: who can read it follows from the epochs in the log.


_Messages = Mapping[tuple[Room, int], LogEvent]
"""The encrypted messages, by room and number."""


class _Groups:
    """The devices of each epoch of the groups of a room, as the commits in its log say."""

    def __init__(self, history: History, events: Sequence[LogEvent]) -> None:
        self._epochs: dict[GroupId, list[set[DeviceId]]] = {}
        """Of each group, from epoch 0 on."""
        self.late: list[tuple[int, set[DeviceId]]] = []
        """Messages in an epoch with devices that a commit had to remove before: theirs had been removed."""
        owed: set[DeviceId] = set()
        inside: set[DeviceId] = set()
        for event in events:
            match event.body:
                case GroupCreated(group=group, device=device):
                    inside = {device}
                    self._epochs[group] = [inside]
                case Handshake(group=group, epoch=epoch, added=added, removed=removed):
                    epochs = self._epochs.setdefault(group, [set()])
                    if len(epochs) == epoch + 1:  # else there are two commits for one epoch
                        inside = {*inside, *added} - {*removed}
                        epochs.append(inside)
                    owed -= {*removed}
                case EncryptedMessage() as body if late := self.members(body) & owed:
                    self.late.append((event.seq, late))
                case body if left := _left(event):
                    owed |= {device for device in inside if history.devices[device].user == left}
                case _:
                    pass

    def members(self, body: EncryptedMessage) -> set[DeviceId]:
        """Return the devices that a message is for."""
        epochs = self._epochs.get(body.group, [])
        return epochs[body.epoch] if body.epoch < len(epochs) else set()

    def stays(self, device: DeviceId, body: EncryptedMessage) -> bool:
        """Tell whether a device is in the group from the message's epoch to the last one."""
        epochs = self._epochs.get(body.group, [])[body.epoch :]
        return bool(epochs) and all(device in members for members in epochs)


def _left(event: LogEvent) -> User:
    """Return who is not a member any more since this event; empty: no one."""
    match event.body:
        case Kicked(who=who) | Banned(who=who):
            return who
        case Left():
            return event.author
        case _:
            return ""


def _whispers(history: History, log: _Log) -> Iterator[Violation]:
    calls = {(call.room, call.text): call for call in history.calls if call.act is Act.WHISPER}
    groups = {room: _Groups(history, events) for room, events in log.events.items()}
    messages: _Messages = {
        (room, event.seq): event
        for room, events in log.events.items()
        for event in events
        if isinstance(event.body, EncryptedMessage)
    }
    yield from _whispers_stored(history, calls.values(), messages)
    yield from _whispers_shown(history, calls, messages, groups)
    yield from _whispers_missing(history, calls.values(), messages, groups, log)
    yield from _whispers_to_removed(history, calls.values(), messages, groups)


def _whispers_stored(history: History, calls: Iterable[Call], messages: _Messages) -> Iterator[Violation]:
    whose: dict[tuple[Room, int], Call] = {}
    for call in calls:
        if call.text in history.stored:
            yield Violation(5, f"encrypted, and readable in the database: {_told(call)}")
        for seq in call.seqs:
            stored = messages.get((call.room, seq))
            if stored is None or stored.author != call.user:
                yield Violation(1, f"acknowledged, and not in the log: {_told(call)}")
            if whose.setdefault((call.room, seq), call) != call:
                yield Violation(1, f"two messages are acknowledged as one: {_told(call)}")


def _whispers_shown(
    history: History,
    calls: Mapping[tuple[Room, str], Call],
    messages: _Messages,
    groups: Mapping[Room, _Groups],
) -> Iterator[Violation]:
    before: dict[tuple[DeviceId, Room, str], int] = {}
    for shown in history.shown:
        who = f"{history.devices[shown.device].session} shows {shown.text!r} as {shown.room} {shown.seq}"
        key = (shown.device, shown.room, shown.text)
        if key in before:
            yield Violation(1, f"{who}, and as {before[key]}")
        before[key] = shown.seq
        written, stored = calls.get((shown.room, shown.text)), messages.get((shown.room, shown.seq))
        if written is None or written.user != shown.author or shown.seq not in (written.seqs or [shown.seq]):
            yield Violation(2, f"{who}, which is not what was sent")
        elif stored is None or not isinstance(stored.body, EncryptedMessage):
            yield Violation(2, f"{who}, which is not in the log")
        elif shown.device not in groups[shown.room].members(stored.body):
            yield Violation(4, f"{who}, and is not in its epoch {stored.body.epoch}")


def _whispers_missing(
    history: History, calls: Iterable[Call], messages: _Messages, groups: Mapping[Room, _Groups], log: _Log
) -> Iterator[Violation]:
    shown = {(one.device, one.room, one.text) for one in history.shown}
    for call in calls:
        stored = messages.get((call.room, call.seqs[0])) if call.seqs else None
        if stored is None or not isinstance(stored.body, EncryptedMessage):
            continue
        for device, room in history.screens:
            whose = history.devices[device]
            is_entitled = groups[call.room].stays(device, stored.body) and log.stays(
                call.room, whose.user, stored.seq
            )
            if room == call.room and is_entitled and (device, room, call.text) not in shown:
                yield Violation(2, f"{whose.session} can't read: {_told(call)}")


def _whispers_to_removed(
    history: History, calls: Iterable[Call], messages: _Messages, groups: Mapping[Room, _Groups]
) -> Iterator[Violation]:
    for room, found in groups.items():
        for seq, devices in found.late:
            whose = ", ".join(sorted(history.devices[device].session for device in devices))
            yield Violation(4, f"{room} {seq} is for {whose}, who had been removed")
    for call in calls:
        stored = messages.get((call.room, call.seqs[0])) if call.seqs else None
        if stored is None or not isinstance(stored.body, EncryptedMessage):
            continue
        members = groups[call.room].members(stored.body)
        for revoked in history.revocations:
            if revoked.at < call.began and revoked.device in members:
                yield Violation(4, f"for a device that was revoked before: {_told(call)}")


def _told(call: Call) -> str:
    numbers = f" as {list(call.seqs)}" if call.seqs else ""
    what = call.text or call.whom or str(call.target)
    return f"{call.act.value} {what!r} of {call.user} in {call.room} at {', '.join(call.nodes)}{numbers}"
