"""A whole server in memory: identities, chat and the delivery service, honest until a test says otherwise.

``Line`` is a session's HTTPS calls, ``memory_wires`` its WebSockets, ``harness`` the people at it.
"""

import copy
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.identity_world import SERVER, Registered, Service, Session

from parlour_client.core.errors import StaleEpochError
from parlour_client.kit.errors import ApiRefusedError, SessionEndedError
from parlour_protocol.delivery import (
    ClaimedKeyPackage,
    ClaimedKeyPackages,
    ClaimKeyPackages,
    Commit,
    Contest,
    CreateGroup,
    DeviceInfo,
    DeviceStatus,
    EventStored,
    FileStored,
    GroupDevice,
    GroupState,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
    WaitingWelcome,
    Welcomes,
)
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import (
    AnyBody,
    LogEvent,
    RoomSummary,
)
from parlour_protocol.frames import bodies as b
from parlour_protocol.frames import requests as q
from parlour_protocol.frames.opaque import Digest, KeyPackageBytes
from parlour_protocol.frames.replies import (
    GroupChanged,
    Invitation,
    KeyLogAppended,
)
from parlour_protocol.frames.requests import MarkRead
from parlour_protocol.ids import Epoch, FileId, GroupId, RoomId, WelcomeId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import DeviceId, Incarnation, RequestId, Seq, SessionId
from parlour_protocol.kit.names import UserName, parse_device_name
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

LAPTOP = parse_device_name("laptop")


class Told(Protocol):
    """A connected client, to which things are told."""

    line: "Line"

    def say(self, frame: Frame) -> None:
        """Tell it."""
        ...

    def drop(self) -> None:
        """Break the connection."""
        ...


class RefusedError(Exception):
    """A request is refused with a code."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Room:
    """A room with its log and its group."""

    id: RoomId
    kind: RoomKind
    name: RoomName | None
    encrypted: bool
    members: dict[UserName, Role]
    suite: RoomSuite = RoomSuite.X25519
    log: list[LogEvent] = field(default_factory=list)
    group: GroupId | None = None
    epoch: int = 0
    contested: bool = False
    present: list[DeviceId] = field(default_factory=list)
    stale_until: int = 0
    done: dict[RequestId, EventStored] = field(default_factory=dict)

    @property
    def head(self) -> Seq:
        return Seq(len(self.log))


@dataclass(frozen=True)
class Backup:
    """What a server had."""

    rooms: dict[RoomId, Room]
    entries: list[bytes]
    accounts: dict[UserName, bytes]
    devices: dict[DeviceId, Registered]
    inboxes: dict[DeviceId, list[WaitingWelcome]]
    files: dict[FileId, bytes]


class MemoryServer(Service):
    """The server."""

    def __init__(self, clock: FakeClock, server: str = SERVER) -> None:
        super().__init__(clock, server)
        self.rooms: dict[RoomId, Room] = {}
        self.wires: list[Told] = []
        self.inboxes: dict[DeviceId, list[WaitingWelcome]] = {}
        self.invitations: dict[tuple[RoomId, UserName], Invitation] = {}
        """The newest of each room and person."""
        self.files: dict[FileId, bytes] = {}
        self.marked: list[MarkRead] = []
        self.tells = True
        self.incarnation = Incarnation("i" * 22)
        self.spoken: Callable[[UserName, Frame], Frame | None] = lambda _, frame: frame
        """What a person is told in a frame's place; a hostile server changes it."""
        self._numbers = itertools.count(1)

    def number(self, kind: str) -> str:
        return f"{kind}{next(self._numbers)}".ljust(22, "_")

    def open_line(self, user: UserName) -> "Line":
        return Line(self, user, SessionId(self.number("session")))

    def summary(self, room: Room, user: UserName) -> RoomSummary:
        peer = None
        if room.kind is RoomKind.DIRECT:
            peer = next((member for member in room.members if member != user), user)
        return RoomSummary(
            room=room.id, kind=room.kind, role=room.members[user], head=room.head, read=Seq(0),
            members=len(room.members), name=room.name, peer=peer, encrypted=room.encrypted,
            suite=room.suite,
        )  # fmt: skip

    # a restore
    def back_up(self) -> "Backup":
        kept = (self.rooms, self.entries, self.accounts, self.devices, self.inboxes, self.files)
        return Backup(*copy.deepcopy(kept))

    def restore(self, backup: "Backup") -> None:
        """Go back to a backup, and say so; as the real one, give out none of the old single-use packages."""
        kept = copy.deepcopy(backup)
        self.rooms, self.entries, self.accounts = kept.rooms, kept.entries, kept.accounts
        self.devices, self.inboxes, self.files = kept.devices, kept.inboxes, kept.files
        for device in self.devices.values():
            device.packages, device.hybrid = [], []
        self.incarnation = Incarnation(self.number("incarnation"))
        for wire in list(self.wires):
            wire.drop()
            if wire.line.device not in self.devices:
                wire.line.device = None

    # the log
    def write(self, room: Room, author: UserName, body: AnyBody, *, tell: bool = True) -> LogEvent:
        event = LogEvent(
            room=room.id, seq=Seq(room.head + 1), at=self.clock.now(), author=author, device=LAPTOP, body=body
        )
        room.log.append(event)
        if tell:
            self.tell(room, event)
        return event

    def tell(self, room: Room, frame: Frame) -> None:
        for wire in list(self.wires):
            if self.tells and wire.line.user in room.members:
                wire.say(frame)

    def group_changed(self, room: Room) -> None:
        if room.encrypted:
            self.tell(room, GroupChanged(room=room.id))

    def keys_changed(self, user: UserName) -> None:
        for wire in self.wires:
            wire.say(KeyLogAppended(size=len(self.entries)))
        for room in self.rooms.values():
            if user in room.members:
                self.group_changed(room)

    # groups
    def active(self, user: UserName) -> list[DeviceId]:
        return [d for d, r in self.devices.items() if r.user == user and r.status is DeviceStatus.ACTIVE]

    def state(self, room: Room) -> GroupState:
        should = {device: user for user in room.members for device in self.active(user)}

        def named(devices: list[DeviceId]) -> tuple[GroupDevice, ...]:
            return tuple(GroupDevice(device=d, user=self.devices[d].user) for d in devices)

        return GroupState(
            epoch=Epoch(room.epoch), incarnation=self.incarnation, head=room.head,
            group=room.group, contested=room.contested, present=named(room.present),
            missing=named([d for d in should if d not in room.present]) if room.group else (),
            leaving=named([d for d in room.present if d not in should]),
        )  # fmt: skip

    def create_group(self, room: Room, line: "Line", body: CreateGroup) -> EventStored:
        if body.request in room.done:
            return room.done[body.request]
        state = self.state(room)
        abandoned = len(state.leaving) == len(state.present)
        if body.replaces != room.group or (room.group is not None and not (room.contested or abandoned)):
            raise StaleEpochError("stale", "stale_epoch")
        assert line.device is not None
        room.group, room.epoch, room.contested, room.present = body.group, 0, False, [line.device]
        event = self.write(
            room, line.user, b.GroupCreated(group=body.group, device=line.device, replaces=body.replaces)
        )
        self.group_changed(room)
        return self._logged(room, body.request, event)

    def commit(self, room: Room, line: "Line", body: Commit) -> EventStored:
        if body.request in room.done:
            return room.done[body.request]
        state = self.state(room)
        missing, leaving = {d.device for d in state.missing}, {d.device for d in state.leaving}
        fits = set(body.added) <= missing and set(body.removed) <= leaving | set(body.unusable)
        if (body.group, body.epoch) != (room.group, room.epoch) or not fits:
            raise StaleEpochError("stale", "stale_epoch")
        if line.device not in room.present:
            raise ApiRefusedError("not in it", "forbidden")
        room.epoch += 1
        room.present = [d for d in room.present if d not in body.removed] + list(body.added)
        room.stale_until = 0 if body.removed else self.clock.now() + 30_000
        seq = Seq(room.head + 1)
        for device in body.added:
            assert body.welcome is not None
            assert body.tree is not None
            waiting = WaitingWelcome(
                id=WelcomeId(self.number("welcome")), room=room.id, group=body.group, seq=seq,
                welcome=body.welcome, tree=body.tree,
            )  # fmt: skip
            self.inboxes.setdefault(device, []).append(waiting)
        handshake = b.Handshake(
            group=body.group, epoch=body.epoch, data=body.data, added=body.added, removed=body.removed,
            unusable=body.unusable,
        )  # fmt: skip
        return self._logged(room, body.request, self.write(room, line.user, handshake))

    def contest(self, room: Room, line: "Line", body: Contest) -> EventStored:
        room.contested = True
        event = self.write(room, line.user, b.Contested(group=body.group, epoch=body.epoch))
        self.group_changed(room)
        return self._logged(room, body.request, event)

    def seal(self, room: Room, line: "Line", frame: q.SendEncrypted) -> EventStored:
        if frame.id in room.done:
            return room.done[frame.id]
        if not room.encrypted or line.device not in room.present:
            raise RefusedError(ErrorCode.FORBIDDEN)
        if self.state(room).leaving:
            raise RefusedError(ErrorCode.REMOVAL_PENDING)
        late = frame.epoch == room.epoch - 1 and self.clock.now() < room.stale_until
        if frame.group != room.group or (frame.epoch != room.epoch and not late):
            raise RefusedError(ErrorCode.STALE_EPOCH)
        body = b.EncryptedMessage(group=frame.group, epoch=frame.epoch, data=frame.data, blanks=frame.blanks)
        logged = self._logged(room, frame.id, self.write(room, line.user, body, tell=False))
        if frame.blanks is not None:
            old = room.log[frame.blanks - 1]
            blank = b.Blank(was="sealed")
            room.log[frame.blanks - 1] = LogEvent(
                room=old.room, seq=old.seq, at=old.at, author=old.author, device=old.device, body=blank
            )
        return logged

    def _logged(self, room: Room, request: RequestId, event: LogEvent) -> EventStored:
        room.done[request] = EventStored(seq=event.seq, at=event.at, incarnation=self.incarnation)
        return room.done[request]


class Line(Session):
    """One session's HTTPS calls."""

    def __init__(self, server: MemoryServer, user: UserName, session: SessionId) -> None:
        super().__init__(server, user, session)
        self.server = server
        self.ended = False

    def _enter(self, call: str) -> None:
        super()._enter(call)
        if self.ended:
            raise SessionEndedError("ended")

    async def revoke(self, device: DeviceId, body: RevokeDevice) -> None:
        """Revoke a device, and end its sessions."""
        await super().revoke(device, body)
        for wire in list(self.server.wires):
            if wire.line.device == device:
                wire.line.ended = True
                wire.drop()
        self.server.keys_changed(self.user)

    def _room(self, room: RoomId, call: str) -> Room:
        self._enter(call)
        found = self.server.rooms[room]
        if self.user not in found.members:
            raise ApiRefusedError("no such room", "not_found")
        return found

    def _certify(self, device: DeviceId, data: bytes) -> None:
        super()._certify(device, data)
        self.server.keys_changed(self.user)

    async def register_device(self, body: RegisterDevice) -> DeviceInfo:
        known = set(self.server.devices)
        info = await super().register_device(body)
        if info.device not in known and body.certificate is None:
            for wire in self.server.wires:
                if wire.line.user == self.user:
                    wire.say(KeyLogAppended(size=len(self.server.entries), waiting=True))
        return info

    async def put_packages(self, device: DeviceId, body: KeyPackages) -> None:
        kept = self.server.devices[device]
        first = not kept.packages and kept.last_resort is None
        await super().put_packages(device, body)
        if first:
            self.server.keys_changed(self.user)

    async def claim(self, body: ClaimKeyPackages) -> ClaimedKeyPackages:
        self._room(body.room, "claim")
        claimed = []
        for device in body.devices:
            kept = self.server.devices[device]
            if body.suite is RoomSuite.X_WING:
                package = kept.hybrid.pop(0) if kept.hybrid else kept.hybrid_last_resort
            else:
                package = kept.packages.pop(0) if kept.packages else kept.last_resort
            if package is not None:
                claimed.append(ClaimedKeyPackage(device=device, package=KeyPackageBytes(package)))
        return ClaimedKeyPackages(packages=tuple(claimed))

    async def group(self, room: RoomId) -> GroupState:
        return self.server.state(self._room(room, "group"))

    async def create_group(self, room: RoomId, body: CreateGroup) -> EventStored:
        logged = self.server.create_group(self._room(room, "create_group"), self, body)
        self._leave("create_group")
        return logged

    async def commit(self, room: RoomId, body: Commit) -> EventStored:
        logged = self.server.commit(self._room(room, "commit"), self, body)
        self._leave("commit")
        return logged

    async def contest(self, room: RoomId, body: Contest) -> EventStored:
        return self.server.contest(self._room(room, "contest"), self, body)

    async def welcomes(self, device: DeviceId) -> Welcomes:
        self._enter("welcomes")
        return Welcomes(
            welcomes=tuple(self.server.inboxes.get(device, ())), incarnation=self.server.incarnation
        )

    async def drop_welcome(self, welcome: WelcomeId) -> None:
        self._enter("drop")
        assert self.device is not None
        inbox = self.server.inboxes.get(self.device, [])
        inbox[:] = [one for one in inbox if one.id != welcome]

    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> FileStored:
        self._room(room, "upload")
        data = b"".join([chunk async for chunk in chunks])
        assert len(data) == size
        file = FileId(self.server.number("file"))
        self.server.files[file] = data
        return FileStored(file=file, size=size, sha256=Digest(sha256(data).digest()))

    @asynccontextmanager
    async def download(self, file: FileId) -> AsyncIterator[AsyncIterator[bytes]]:
        self._enter("download")

        async def chunks() -> AsyncIterator[bytes]:
            data = self.server.files[file]
            for start in range(0, len(data), 50_000):
                yield data[start : start + 50_000]

        yield chunks()

    async def close(self) -> None:
        return None
