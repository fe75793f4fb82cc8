"""The same for what is encrypted: who can read a message follows from the epochs in the log."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.cluster.final_log import FinalLog
from tests.cluster.records import WHISPER, Call, History, Room, User, told
from tests.cluster.verdict import Verdict

from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Banned, EncryptedMessage, GroupCreated, Handshake, Kicked, Left
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import DeviceId

_Messages = Mapping[tuple[Room, int], LogEvent]
"""The encrypted messages, by room and number."""


def check_encrypted(history: History, log: FinalLog, verdict: Verdict) -> None:
    """Judge commits, keys, and what devices could read."""
    _commits(history, log, verdict)
    calls = {(call.room, call.text): call for call in history.calls if call.kind == WHISPER}
    groups = {room: _Groups(history, events) for room, events in log.events.items()}
    messages: _Messages = {
        (room, event.seq): event
        for room, events in log.events.items()
        for event in events
        if isinstance(event.body, EncryptedMessage)
    }
    _stored(history, calls.values(), messages, verdict)
    _shown(history, calls, messages, groups, verdict)
    _missing(history, calls.values(), messages, groups, log, verdict)
    _to_removed(history, calls.values(), messages, groups, verdict)


def _commits(history: History, log: FinalLog, verdict: Verdict) -> None:
    for room, events in log.events.items():
        epochs = Counter(
            (event.body.group, event.body.epoch) for event in events if isinstance(event.body, Handshake)
        )
        verdict.judged["commit"] += len(epochs)
        for (group, epoch), times in epochs.items():
            if times > 1:
                verdict.fault(5, f"{room}: {times} commits for epoch {epoch} of {group}")
    keys: dict[tuple[GroupId, Epoch], tuple[DeviceId, str]] = {}
    for agreed in history.agreements:
        first, authenticator = keys.setdefault(
            (agreed.group, agreed.epoch), (agreed.device, agreed.authenticator)
        )
        verdict.judged["keys compared"] += first != agreed.device
        if authenticator != agreed.authenticator:
            verdict.fault(5, f"{agreed.room}: devices have different keys in epoch {agreed.epoch}")


class _Groups:
    """The devices of each epoch of the groups of a room, as the commits in its log say."""

    def __init__(self, history: History, events: Sequence[LogEvent]) -> None:
        self._epochs: dict[GroupId, list[set[DeviceId]]] = {}
        """Of each group, from epoch 0 on."""
        self.late: list[tuple[int, set[DeviceId]]] = []
        """Messages in an epoch with devices that a commit had to remove before: theirs had been removed."""
        self.after_removals = 0
        """Messages in an epoch from which devices were missing that had to be removed."""
        owed: set[DeviceId] = set()
        removed_for_good: set[DeviceId] = set()
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
                    removed_for_good |= owed & {*removed}
                    owed -= {*removed}
                case EncryptedMessage() as body:
                    self.after_removals += bool(removed_for_good)
                    if late := self.members(body) & owed:
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


def _stored(history: History, calls: Iterable[Call], messages: _Messages, verdict: Verdict) -> None:
    whose: dict[tuple[Room, int], Call] = {}
    unknown = Counter[tuple[Room, User]]()
    for call in calls:
        if call.text in history.stored:
            verdict.fault(5, f"encrypted, and readable in the database: {told(call)}")
        unknown[call.room, call.user] += not call.seqs
        for seq in call.seqs:
            stored = messages.get((call.room, seq))
            verdict.judged["whisper stored"] += 1
            if stored is None or stored.author != call.user:
                verdict.fault(1, f"acknowledged, and not in the log: {told(call)}")
            if whose.setdefault((call.room, seq), call) != call:
                verdict.fault(1, f"two messages are acknowledged as one: {told(call)}")
    left = Counter[tuple[Room, User]](
        (room, event.author) for (room, seq), event in messages.items() if (room, seq) not in whose
    )
    for (room, author), count in (left - unknown).items():
        verdict.fault(1, f"{room}: {count} encrypted messages of {author} are something nobody asked for")


def _shown(
    history: History,
    calls: Mapping[tuple[Room, str], Call],
    messages: _Messages,
    groups: Mapping[Room, _Groups],
    verdict: Verdict,
) -> None:
    before: dict[tuple[DeviceId, Room, str], int] = {}
    for shown in history.shown:
        who = f"{history.devices[shown.device].session} shows {shown.text!r} as {shown.room} {shown.seq}"
        key = (shown.device, shown.room, shown.text)
        if key in before:
            verdict.fault(1, f"{who}, and as {before[key]}")
        before[key] = shown.seq
        written, stored = calls.get((shown.room, shown.text)), messages.get((shown.room, shown.seq))
        if written is None or written.user != shown.author or shown.seq not in (written.seqs or [shown.seq]):
            verdict.fault(2, f"{who}, which is not what was sent")
        elif stored is None or not isinstance(stored.body, EncryptedMessage):
            verdict.fault(2, f"{who}, which is not in the log")
        elif shown.device not in groups[shown.room].members(stored.body):
            verdict.fault(4, f"{who}, and is not in its epoch {stored.body.epoch}")


def _missing(
    history: History,
    calls: Iterable[Call],
    messages: _Messages,
    groups: Mapping[Room, _Groups],
    log: FinalLog,
    verdict: Verdict,
) -> None:
    shown = {(one.device, one.room, one.text) for one in history.shown}
    for call in calls:
        stored = messages.get((call.room, call.seqs[0])) if call.seqs else None
        if stored is None or not isinstance(stored.body, EncryptedMessage):
            continue
        for device, room in history.screens:
            whose = history.devices[device]
            is_entitled = (
                room == call.room
                and groups[room].stays(device, stored.body)
                and log.rooms[room].stays(whose.user, stored.seq)
            )
            verdict.judged["whisper read where it had to be"] += is_entitled
            if is_entitled and (device, room, call.text) not in shown:
                verdict.fault(2, f"{whose.session} can't read: {told(call)}")


def _to_removed(
    history: History,
    calls: Iterable[Call],
    messages: _Messages,
    groups: Mapping[Room, _Groups],
    verdict: Verdict,
) -> None:
    for room, found in groups.items():
        verdict.judged["whisper after a removal from the room"] += found.after_removals
        for seq, devices in found.late:
            whose = ", ".join(sorted(history.devices[device].session for device in devices))
            verdict.fault(4, f"{room} {seq} is for {whose}, who had been removed")
    for call in calls:
        stored = messages.get((call.room, call.seqs[0])) if call.seqs else None
        if stored is None or not isinstance(stored.body, EncryptedMessage):
            continue
        members = groups[call.room].members(stored.body)
        for revoked in history.revocations:
            is_after = revoked.at < call.began
            verdict.judged["whisper after the revocation of a device"] += is_after
            if is_after and revoked.device in members:
                verdict.fault(4, f"for a device that was revoked before: {told(call)}")
