"""An honest server's log of one room; what a hostile one does, tests append themselves (``Log.add``)."""

from typing import Protocol

from parlour_protocol.delivery import Commit, CreateGroup, WaitingWelcome
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import AnyBody, EncryptedMessage, GroupCreated, Handshake
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import GroupId, RoomId, WelcomeId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName, parse_device_name
from parlour_protocol.rooms import RoomKind

START = 1_790_000_000_000
ROOM = RoomId("room1234567890abcdefgh")
PHONE = parse_device_name("phone")


class Sender(Protocol):
    """Anyone who asks: a device of someone."""

    user: UserName

    @property
    def id(self) -> DeviceId:
        """Its id."""
        ...


class Log:
    """The server's log of one room, kept honestly: commits are compare-and-set, requests are stored once."""

    def __init__(self, room: RoomId = ROOM, kind: RoomKind = RoomKind.PRIVATE) -> None:
        self.room, self.kind = room, kind
        self.events: list[LogEvent] = []
        self.group: GroupId | None = None
        self.epoch = 0
        self.now = START
        self.answers: dict[tuple[UserName, RequestId], Seq] = {}
        self.welcomes: dict[tuple[DeviceId, Seq], WaitingWelcome] = {}

    def add(self, author: UserName, body: AnyBody, after: int = 1_000) -> LogEvent:
        """Append an event, whatever it is."""
        self.now += after
        seq = Seq(len(self.events) + 1)
        event = LogEvent(room=self.room, seq=seq, at=Millis(self.now), author=author, device=PHONE, body=body)
        self.events.append(event)
        return event

    def create_group(self, device: Sender, asked: CreateGroup) -> Seq:
        """`POST /group`."""
        key = device.user, asked.request
        if key not in self.answers:
            if self.group != asked.replaces:
                raise StaleError
            self.group, self.epoch = asked.group, 0
            body = GroupCreated(group=asked.group, device=device.id, replaces=asked.replaces)
            self.answers[key] = self.add(device.user, body).seq
        return self.answers[key]

    def commit(self, device: Sender, asked: Commit) -> Seq:
        """`POST /commits`."""
        key = device.user, asked.request
        if key not in self.answers:
            if (self.group, self.epoch) != (asked.group, asked.epoch):
                raise StaleError
            self.epoch += 1
            body = Handshake(
                group=asked.group,
                epoch=asked.epoch,
                data=asked.data,
                added=asked.added,
                removed=asked.removed,
                unusable=asked.unusable,
            )
            event = self.add(device.user, body)
            self.answers[key] = event.seq
            for added in asked.added:
                self.welcomes[added, event.seq] = waiting(self.room, event.seq, asked)
        return self.answers[key]

    def send(self, device: Sender, frame: SendEncrypted) -> Seq:
        """`send_sealed`."""
        key = device.user, frame.id
        if key not in self.answers:
            if frame.group != self.group or frame.epoch not in {self.epoch, self.epoch - 1}:
                raise StaleError
            self.answers[key] = self.add(device.user, sealed_body(frame)).seq
        return self.answers[key]


class StaleError(Exception):
    """Someone else was first."""


def waiting(room: RoomId, seq: Seq, asked: Commit) -> WaitingWelcome:
    """Return the Welcome of a commit as the server hands it out."""
    assert asked.welcome is not None
    assert asked.tree is not None
    return WaitingWelcome(
        id=WelcomeId(f"welcome-{seq:014}"),
        room=room,
        group=asked.group,
        seq=seq,
        welcome=asked.welcome,
        tree=asked.tree,
    )


def sealed_body(frame: SendEncrypted) -> EncryptedMessage:
    """Return what the server appends for a frame."""
    return EncryptedMessage(group=frame.group, epoch=frame.epoch, data=frame.data, blanks=frame.blanks)
