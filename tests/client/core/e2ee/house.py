"""A whole server in memory: identities (``identity_world``), chat and the delivery service, honest until told.

Tests make it hostile by changing its logs and states, or by wrapping an answer; clients run their own code
over it, with wires and HTTPS calls that are calls of methods.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.identity_world import SERVER, Service, Session

from parlour_client.core.archive import Archive
from parlour_client.core.client import Client
from parlour_client.core.errors import ApiRefusedError, StaleEpochError, UnreachableError
from parlour_client.core.home import Home
from parlour_client.core.profile import Profile, save_profile
from parlour_client.core.wire import WireClosedError
from parlour_protocol.delivery import (
    Claim,
    Claimed,
    ClaimedPackage,
    Commit,
    Contest,
    DeviceStatus,
    FileStored,
    Found,
    GroupDevice,
    GroupState,
    Logged,
    WaitingWelcome,
    Welcomes,
)
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import (
    AnyBody,
    AnyRequest,
    Error,
    Hello,
    LogEvent,
    Ok,
    RoomSummary,
    decode_request,
    encode,
)
from parlour_protocol.frames import bodies as b
from parlour_protocol.frames import requests as q
from parlour_protocol.frames.base import Frame, Role, RoomKind, Status
from parlour_protocol.frames.opaque import Digest, KeyPackageBytes
from parlour_protocol.frames.replies import (
    AnyResult,
    Entered,
    GroupChanged,
    KeyLogGrew,
    Member,
    Members,
    Page,
    RoomClosed,
    RoomEntered,
    Stored,
)
from parlour_protocol.ids import (
    DeviceId,
    Epoch,
    FileId,
    GroupId,
    Millis,
    RequestId,
    RoomId,
    Seq,
    SessionId,
    WelcomeId,
)
from parlour_protocol.names import RoomName, UserName, parse_device_name
from parlour_protocol.secret import Secret
from parlour_protocol.session import Session as Protocol
from parlour_protocol.session import Side

LAPTOP = parse_device_name("laptop")


class RefusedByHouse(Exception):
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
    log: list[LogEvent] = field(default_factory=list)
    group: GroupId | None = None
    epoch: int = 0
    contested: bool = False
    present: list[DeviceId] = field(default_factory=list)
    stale_until: Millis = Millis(0)
    done: dict[RequestId, Logged] = field(default_factory=dict)

    @property
    def head(self) -> Seq:
        return Seq(len(self.log))


class House(Service):
    """The server."""

    def __init__(self, clock: FakeClock, server: str = SERVER) -> None:
        super().__init__(clock, server)
        self.rooms: dict[RoomId, Room] = {}
        self.wires: list[HouseWire] = []
        self.inboxes: dict[DeviceId, list[WaitingWelcome]] = {}
        self.files: dict[FileId, bytes] = {}
        self.tells = True
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
        )  # fmt: skip

    # the log
    def write(self, room: Room, author: UserName, body: AnyBody, *, tell: bool = True) -> LogEvent:
        event = LogEvent(
            room=room.id, seq=Seq(room.head + 1), at=self.clock.now(), author=author, device=LAPTOP, body=body
        )
        room.log.append(event)
        if tell and self.tells:
            self.tell(room, event)
        return event

    def tell(self, room: Room, frame: Frame) -> None:
        for wire in list(self.wires):
            if wire.line.user in room.members:
                wire.say(frame)

    def group_changed(self, room: Room) -> None:
        if room.encrypted:
            self.tell(room, GroupChanged(room=room.id))

    def keys_changed(self, user: UserName) -> None:
        for wire in self.wires:
            wire.say(KeyLogGrew(size=len(self.entries)))
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
            epoch=Epoch(room.epoch), group=room.group, contested=room.contested, present=named(room.present),
            missing=named([d for d in should if d not in room.present]) if room.group else (),
            leaving=named([d for d in room.present if d not in should]),
        )  # fmt: skip

    def found(self, room: Room, line: "Line", body: Found) -> Logged:
        if body.request in room.done:
            return room.done[body.request]
        state = self.state(room)
        abandoned = len(state.leaving) == len(state.present)
        if body.replaces != room.group or (room.group is not None and not (room.contested or abandoned)):
            raise StaleEpochError("stale", "stale_epoch")
        assert line.device is not None
        room.group, room.epoch, room.contested, room.present = body.group, 0, False, [line.device]
        event = self.write(
            room, line.user, b.Founded(group=body.group, device=line.device, replaces=body.replaces)
        )
        self.group_changed(room)
        return self._logged(room, body.request, event)

    def commit(self, room: Room, line: "Line", body: Commit) -> Logged:
        if body.request in room.done:
            return room.done[body.request]
        state = self.state(room)
        missing, leaving = {d.device for d in state.missing}, {d.device for d in state.leaving}
        fits = set(body.added) <= missing and set(body.removed) <= leaving
        if (body.group, body.epoch) != (room.group, room.epoch) or not fits:
            raise StaleEpochError("stale", "stale_epoch")
        if line.device not in room.present:
            raise ApiRefusedError("not in it", "forbidden")
        room.epoch += 1
        room.present = [d for d in room.present if d not in body.removed] + list(body.added)
        room.stale_until = Millis(0 if body.removed else self.clock.now() + 30_000)
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
            group=body.group, epoch=body.epoch, data=body.data, added=body.added, removed=body.removed
        )
        return self._logged(room, body.request, self.write(room, line.user, handshake))

    def contest(self, room: Room, line: "Line", body: Contest) -> Logged:
        room.contested = True
        event = self.write(room, line.user, b.Contested(group=body.group, epoch=body.epoch))
        self.group_changed(room)
        return self._logged(room, body.request, event)

    def seal(self, room: Room, line: "Line", frame: q.SendSealed) -> Logged:
        if frame.id in room.done:
            return room.done[frame.id]
        if not room.encrypted or line.device not in room.present:
            raise RefusedByHouse(ErrorCode.FORBIDDEN)
        if self.state(room).leaving:
            raise RefusedByHouse(ErrorCode.REMOVAL_PENDING)
        late = frame.epoch == room.epoch - 1 and self.clock.now() < room.stale_until
        if frame.group != room.group or (frame.epoch != room.epoch and not late):
            raise RefusedByHouse(ErrorCode.STALE_EPOCH)
        body = b.SealedMessage(group=frame.group, epoch=frame.epoch, data=frame.data, blanks=frame.blanks)
        logged = self._logged(room, frame.id, self.write(room, line.user, body, tell=False))
        if frame.blanks is not None:
            old = room.log[frame.blanks - 1]
            room.log[frame.blanks - 1] = LogEvent(
                room=old.room, seq=old.seq, at=old.at, author=old.author, device=old.device, body=b.Blank(was="sealed")
            )  # fmt: skip
        return logged

    @staticmethod
    def _logged(room: Room, request: RequestId, event: LogEvent) -> Logged:
        room.done[request] = Logged(seq=event.seq, at=event.at)
        return room.done[request]


class Line(Session):
    """One session's HTTPS calls (``Delivery``)."""

    def __init__(self, house: House, user: UserName, session: SessionId) -> None:
        super().__init__(house, user, session)
        self.house = house

    def _room(self, room: RoomId, call: str) -> Room:
        self._enter(call)
        found = self.house.rooms[room]
        if self.user not in found.members:
            raise ApiRefusedError("no such room", "not_found")
        return found

    def _certify(self, device: DeviceId, data: bytes) -> None:
        super()._certify(device, data)
        self.house.keys_changed(self.user)

    async def claim(self, body: Claim) -> Claimed:
        self._room(body.room, "claim")
        claimed = []
        for device in body.devices:
            kept = self.house.devices[device]
            package = kept.packages.pop(0) if kept.packages else kept.last_resort
            if package is not None:
                claimed.append(ClaimedPackage(device=device, package=KeyPackageBytes(package)))
        return Claimed(packages=tuple(claimed))

    async def group(self, room: RoomId) -> GroupState:
        return self.house.state(self._room(room, "group"))

    async def found(self, room: RoomId, body: Found) -> Logged:
        logged = self.house.found(self._room(room, "found"), self, body)
        self._leave("found")
        return logged

    async def commit(self, room: RoomId, body: Commit) -> Logged:
        logged = self.house.commit(self._room(room, "commit"), self, body)
        self._leave("commit")
        return logged

    async def contest(self, room: RoomId, body: Contest) -> Logged:
        return self.house.contest(self._room(room, "contest"), self, body)

    async def welcomes(self, device: DeviceId) -> Welcomes:
        self._enter("welcomes")
        return Welcomes(welcomes=tuple(self.house.inboxes.get(device, ())))

    async def drop_welcome(self, welcome: WelcomeId) -> None:
        self._enter("drop")
        assert self.device is not None
        inbox = self.house.inboxes.get(self.device, [])
        inbox[:] = [one for one in inbox if one.id != welcome]

    async def upload(self, room: RoomId, chunks: AsyncIterator[bytes], size: int) -> FileStored:
        self._room(room, "upload")
        data = b"".join([chunk async for chunk in chunks])
        assert len(data) == size
        file = FileId(self.house.number("file"))
        self.house.files[file] = data
        return FileStored(file=file, size=size, sha256=Digest(sha256(data).digest()))

    @asynccontextmanager
    async def download(self, file: FileId) -> AsyncIterator[AsyncIterator[bytes]]:
        self._enter("download")

        async def chunks() -> AsyncIterator[bytes]:
            data = self.house.files[file]
            for start in range(0, len(data), 50_000):
                yield data[start : start + 50_000]

        yield chunks()

    async def close(self) -> None:
        return None


class HouseWire:
    """The client's end of a WebSocket."""

    security = "a wire in memory"

    def __init__(self, line: Line) -> None:
        self.line, self.house = line, line.house
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._protocol = Protocol(Side.SERVER)
        self.open = True

    async def receive(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise WireClosedError(None)
        return data

    async def send(self, data: bytes) -> None:
        if not self.open:
            raise WireClosedError(None)
        frame = decode_request(data)
        self._protocol.received(frame)
        try:
            result, told = self._answer(frame)
        except RefusedByHouse as refused:
            self.say(Error(code=refused.code, re=frame.id))
            return
        self.say(Ok(re=frame.id, result=result))
        if told is not None:
            self.house.tell(self.house.rooms[told.room], told)

    async def close(self) -> None:
        self.drop()

    def say(self, frame: Frame) -> None:
        if self.open:
            self._protocol.sent(frame)
            self._inbox.put_nowait(encode(frame))

    def drop(self) -> None:
        if self.open:
            self.open = False
            self._inbox.put_nowait(None)
        self.house.wires = [wire for wire in self.house.wires if wire is not self]

    def _mine(self, room: RoomId) -> Room:
        found = self.house.rooms.get(room)
        if found is None or self.line.user not in found.members:
            raise RefusedByHouse(ErrorCode.NOT_FOUND)
        return found

    def _answer(self, frame: AnyRequest) -> tuple[AnyResult | None, LogEvent | None]:
        house, user = self.house, self.line.user
        match frame:
            case q.CreateRoom():
                return self._made(frame.kind, {user: Role.OWNER}, frame.name, encrypted=frame.encrypted), None
            case q.OpenDirect(user=peer):
                for room in house.rooms.values():
                    if room.kind is RoomKind.DIRECT and set(room.members) == {user, peer}:
                        return Entered(room=house.summary(room, user)), None
                both = dict.fromkeys((user, peer), Role.MEMBER)
                return self._made(RoomKind.DIRECT, both, None, encrypted=frame.encrypted), None
            case q.SendSealed():
                room = self._mine(frame.room)
                logged = house.seal(room, self.line, frame)
                told = room.log[logged.seq - 1] if logged.seq == room.head else None
                return Stored(room=room.id, seq=logged.seq, at=logged.at), told
            case q.Send():
                room = self._mine(frame.room)
                if room.encrypted:
                    raise RefusedByHouse(ErrorCode.ENCRYPTED)
                event = house.write(
                    room,
                    user,
                    b.Message(text=frame.text, reply_to=frame.reply_to, file=frame.file),
                    tell=False,
                )
                return Stored(room=room.id, seq=event.seq, at=event.at), event
            case q.Invite(user=who):
                room = self._mine(frame.room)
                room.members[who] = Role.MEMBER
                return self._member_event(room, b.Added(who=who))
            case q.Kick(user=who):
                return self._gone(self._mine(frame.room), who, b.Kicked(who=who))
            case q.Leave():
                return self._gone(self._mine(frame.room), user, b.Left())
            case q.Encrypt():
                room = self._mine(frame.room)
                room.encrypted = True
                return self._member_event(room, b.EncryptionOn())
            case q.ListMembers():
                members = [
                    Member(user=u, role=r, status=Status.ONLINE)
                    for u, r in self._mine(frame.room).members.items()
                ]
                return Members(room=frame.room, members=tuple(members), more=False), None
            case q.History():
                return self._page(frame), None
            case _:
                return None, None

    def _made(
        self, kind: RoomKind, members: dict[UserName, Role], name: RoomName | None, *, encrypted: bool
    ) -> Entered:
        house = self.house
        room = Room(RoomId(house.number("room")), kind, name, encrypted, members)
        house.rooms[room.id] = room
        house.write(
            room, self.line.user, b.Created(room_kind=kind, name=name, encrypted=encrypted), tell=False
        )
        for wire in list(house.wires):
            if wire.line.user in members and wire is not self:
                wire.say(RoomEntered(room=house.summary(room, wire.line.user)))
        return Entered(room=house.summary(room, self.line.user))

    def _member_event(self, room: Room, body: AnyBody) -> tuple[AnyResult, None]:
        for wire in list(self.house.wires):
            if isinstance(body, b.Added) and wire.line.user == body.who:
                wire.say(RoomEntered(room=self.house.summary(room, body.who)))
        event = self.house.write(room, self.line.user, body)
        self.house.group_changed(room)
        return Stored(room=room.id, seq=event.seq, at=event.at), None

    def _gone(self, room: Room, who: UserName, body: AnyBody) -> tuple[AnyResult, None]:
        del room.members[who]
        for wire in list(self.house.wires):
            if wire.line.user == who:
                wire.say(RoomClosed(room=room.id))
        return self._member_event(room, body)

    def _page(self, ask: q.History) -> Page:
        log = self._mine(ask.room).log
        if ask.after is not None:
            return Page(room=ask.room, events=tuple(log[ask.after : ask.after + ask.limit]), more=False)
        end = (ask.before - 1) if ask.before is not None else len(log)
        return Page(room=ask.room, events=tuple(log[max(0, end - ask.limit) : end]), more=False)


class Flat:
    """A house with people in it: homes on disk, clients on them, one clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.house = House(self.clock)
        self.clients: list[Client] = []
        self.lines: dict[Client, Line] = {}
        self.break_lines: Callable[[str], None] = lambda _: None

    async def open(self, user: UserName, home: str | None = None, *, follow: bool = True) -> Client:
        """Start a client of ``user`` on a home, which is made if need be; each is a session of its own."""
        folder = self.folder / (home or str(user))
        made = Home(folder)
        if not made.archive.exists():
            archive = await Archive.open(made.archive, made.key)
            profile = Profile(server="test:8443", user=user, device=LAPTOP, session=Secret("CANARY"))
            await save_profile(archive, profile)
            await archive.close()
        line = self.house.open_line(user)
        line.before = self.break_lines

        async def dial() -> HouseWire:
            if line.down:
                raise UnreachableError("down")
            wire = HouseWire(line)
            self.house.wires.append(wire)
            rooms = [r for r in self.house.rooms.values() if user in r.members]
            wire.say(
                Hello(
                    server=self.house.server,
                    user=user,
                    device=LAPTOP,
                    session=line.session,
                    now=self.clock.now(),
                    rooms=tuple(self.house.summary(room, user) for room in rooms),
                )  # fmt: skip
            )
            return wire

        client = Client(
            Home(folder), follow=follow, clock=self.clock, chance=Random(7), dial=lambda _: dial,  # noqa: S311 - repeats itself
            delivery=lambda _: line,
        )  # fmt: skip
        self.lines[client] = line
        self.clients.append(client)
        await client.start()
        await client.ready(20)
        return client

    async def close(self, client: Client) -> None:
        self.clients.remove(client)
        await client.stop()

    async def until(self, condition: Callable[[], bool], *, advance: float = 0.02) -> None:
        """Let time pass until it is so."""
        async with asyncio.timeout(20):
            while not condition():
                self.clock.advance(advance)
                await asyncio.sleep(0)

    @staticmethod
    def head(client: Client, room: RoomId) -> Seq:
        """Return the newest event that a client has shown."""
        known = client.room(room)
        return known.head if known is not None else Seq(0)

    async def quiet(self) -> None:
        """Let time pass until every group is as it ought to be, and every client has caught up."""
        await self.until(self._is_quiet)
        for client in self.clients:
            await client.ready(20)
            rooms = [r for r in self.house.rooms.values() if client.account.user in r.members]
            await self.until(lambda c=client, rooms=rooms: all(self.head(c, r.id) >= r.head for r in rooms))  # type: ignore[misc]

    def _is_quiet(self) -> bool:
        states = [self.house.state(room) for room in self.house.rooms.values() if room.encrypted]
        waiting = any(self.house.inboxes.get(line.device) for line in self.lines.values() if line.device)
        return not waiting and all(s.group and not s.missing and not s.leaving for s in states)

    async def end(self) -> None:
        for client in self.clients:
            await client.stop()
