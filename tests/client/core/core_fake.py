# ruff: noqa: S311 - chance that repeats itself, for tests
"""A server in memory for the client's tests: rooms as logs, the protocol's own state machine, no network.

It keeps the promises of the specification (numbers without holes, idempotent requests, answer before
event) unless a test tells it to break one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import cast

from msgspec.structs import replace

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive
from parlour_client.core.client import Client
from parlour_client.core.events import Change, StatusChanged
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import UnreachableError
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_lab.hostile.clock import BEGIN, FakeClock
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import (
    AnyBody,
    AnyRequest,
    Error,
    Hello,
    LogEvent,
    MessageText,
    Ok,
    RoomSummary,
    decode_request,
    encode,
)
from parlour_protocol.frames.bodies import Blank, Created, Deleted, Edited, Message, Pinned, Reacted
from parlour_protocol.frames.replies import (
    AnyResult,
    Blocked,
    Directory,
    Entered,
    Invitation,
    Invitations,
    Members,
    Page,
    Pins,
    Stored,
)
from parlour_protocol.frames.requests import (
    Accept,
    Block,
    Delete,
    Edit,
    History,
    ListBlocked,
    ListInvitations,
    ListMembers,
    ListPins,
    ListRooms,
    MarkRead,
    Pin,
    React,
    Send,
    Typing,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId, Seq, SessionId
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role, RoomKind

ALICE, BOB = parse_user_name("alice"), parse_user_name("bobby")
LAPTOP = parse_device_name("laptop")
LOBBY = RoomId("lobby_________________")
GARDEN = RoomId("garden________________")


class FakeWire:
    """The client's end; ``say`` puts a frame of the server into it."""

    security = "a wire in memory"

    def __init__(self, server: "FakeServer") -> None:
        self._server = server
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.session = ConnectionState(Side.SERVER)
        self.code: int | None = None
        self.open = True

    async def receive(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise SocketClosedError(self.code)
        return data

    async def send(self, data: bytes) -> None:
        if not self.open:
            raise SocketClosedError(self.code)
        self._server.received(self, data)

    async def close(self) -> None:
        self.drop()

    def say(self, frame: Frame) -> None:
        self.session.sent(frame)
        self.say_raw(encode(frame))

    def say_raw(self, data: bytes) -> None:
        if self.open:
            self._inbox.put_nowait(data)

    def drop(self, code: int | None = None) -> None:
        if self.open:
            self.open, self.code = False, code
            self._inbox.put_nowait(None)
        self._server.wires = [wire for wire in self._server.wires if wire is not self]


@dataclass
class FakeRoom:
    summary: RoomSummary
    log: list[LogEvent] = field(default_factory=list)


class FakeServer:
    """One user's view of a server."""

    def __init__(self) -> None:
        self.rooms: dict[RoomId, FakeRoom] = {}
        self.wires: list[FakeWire] = []
        self.dials = 0
        self.requests: list[AnyRequest] = []
        self.done: dict[RequestId, Stored] = {}
        self.refusals: list[Error] = []
        """Answers for the next requests that last, instead of doing them."""
        self.page_refusals: list[ErrorCode] = []
        """Codes with which the next pages are refused."""
        self.refuse_dial: Exception | None = None
        self.drop_after_storing = 0
        self.invitations: list[Invitation] = []
        self.blocks: list[UserName] = []
        self.silent = False
        self.incarnation = Incarnation("i" * 22)
        """Stores, but neither answers nor tells."""
        self.page_of: Callable[[History], AnyResult] = self._page
        self.add_room(LOBBY, "lobby")

    def add_room(self, room: RoomId, name: str) -> None:
        summary = RoomSummary(
            room=room, kind=RoomKind.PUBLIC, role=Role.MEMBER, head=Seq(1), read=Seq(0), members=2,
            name=parse_room_name(name),
        )  # fmt: skip
        self.rooms[room] = FakeRoom(summary)
        self.append(
            room, Created(room_kind=RoomKind.PUBLIC, name=parse_room_name(name)), author="house", tell=False
        )

    def summary(self, room: RoomId) -> RoomSummary:
        known = self.rooms[room]
        return replace(known.summary, head=Seq(len(known.log)))

    async def dial(self) -> FakeWire:
        self.dials += 1
        if self.refuse_dial is not None:
            raise self.refuse_dial
        wire = FakeWire(self)
        self.wires.append(wire)
        wire.say(self.hello())
        return wire

    def hello(self) -> Hello:
        return Hello(
            server="test", user=ALICE, device=LAPTOP, session=SessionId("s" * 22), now=Millis(BEGIN),
            incarnation=self.incarnation,
            rooms=tuple(self.summary(room) for room in self.rooms), invitations=len(self.invitations),
        )  # fmt: skip

    def append(self, room: RoomId, body: AnyBody, *, author: str = "bobby", tell: bool = True) -> LogEvent:
        log = self.rooms[room].log
        event = LogEvent(
            room=room, seq=Seq(len(log) + 1), at=Millis(BEGIN + len(log)), author=parse_user_name(author)
            if author != "house" else BOB, device=LAPTOP, body=body,
        )  # fmt: skip
        log.append(event)
        if isinstance(body, Deleted):
            self._blank(log, body.target)
        if tell and not self.silent:
            for wire in list(self.wires):
                wire.say(event)
        return event

    def say(self, text: str, *, room: RoomId = LOBBY, author: str = "bobby", tell: bool = True) -> LogEvent:
        return self.append(room, Message(text=MessageText.parse(text)), author=author, tell=tell)

    def drop(self, code: int | None = None) -> None:
        for wire in list(self.wires):
            wire.drop(code)

    def received(self, wire: FakeWire, data: bytes) -> None:
        frame = decode_request(data)
        wire.session.received(frame)
        self.requests.append(frame)
        if isinstance(frame, Send | Edit | Delete | React | Pin):
            self._lasting(wire, frame)
        elif isinstance(frame, History) and self.page_refusals:
            wire.say(Error(re=frame.id, code=self.page_refusals.pop(0)))
        elif isinstance(frame, History):
            wire.say(Ok(re=frame.id, result=self.page_of(frame)))
        else:
            wire.say(Ok(re=frame.id, result=self._result(frame)))

    def texts(self, room: RoomId = LOBBY) -> list[str]:
        return [event.body.text for event in self.rooms[room].log if isinstance(event.body, Message)]

    def _result(self, frame: AnyRequest) -> AnyResult | None:  # noqa: PLR0911 - one case a request
        match frame:
            case ListMembers():
                return Members(room=frame.room, members=(), more=False)
            case ListPins():
                return Pins(room=frame.room, targets=self.pinned(frame.room))
            case ListRooms():
                return Directory(rooms=(), more=False)
            case ListInvitations(after=after):
                rest = [one for one in self.invitations if after is None or one.room > after]
                return Invitations(invitations=tuple(rest[:2]), more=len(rest) > 2)
            case Accept(room=room):
                one = next(one for one in self.invitations if one.room == room)
                self.add_room(room, one.name)
                return Entered(room=self.summary(room))
            case Block(user=user, on=on):
                (self.blocks.append if on else self.blocks.remove)(user)
                return None
            case ListBlocked(after=after):
                left = [name for name in sorted(self.blocks) if after is None or name > after]
                return Blocked(users=tuple(left[:2]), more=len(left) > 2)
            case MarkRead() | Typing():
                return None
            case _:
                return None

    def pinned(self, room: RoomId) -> tuple[Seq, ...]:
        found: set[Seq] = set()
        for event in self.rooms[room].log:
            match event.body:
                case Pinned(target=target, on=on):
                    (found.add if on else found.discard)(target)
                case Deleted(target=target):
                    found.discard(target)
                case _:
                    pass
        return tuple(sorted(found))

    def _lasting(self, wire: FakeWire, frame: Send | Edit | Delete | React | Pin) -> None:
        if self.refusals:
            refusal = self.refusals.pop(0)
            wire.say(
                Error(re=frame.id, code=refusal.code, hint=refusal.hint, retry_after=refusal.retry_after)
            )
            return
        fresh = frame.id not in self.done
        if fresh:
            event = self.append(frame.room, _body(frame), author="alice", tell=False)
            self.done[frame.id] = Stored(
                room=frame.room, seq=event.seq, at=event.at, incarnation=self.incarnation
            )
        if self.drop_after_storing:
            self.drop_after_storing -= 1
            self.drop()
        elif not self.silent:
            stored = self.done[frame.id]
            wire.say(Ok(re=frame.id, result=stored))
            if fresh:
                for other in list(self.wires):
                    other.say(self.rooms[frame.room].log[stored.seq - 1])

    def _page(self, ask: History) -> AnyResult:
        log = self.rooms[ask.room].log
        if ask.after is not None:
            events = log[ask.after : ask.after + ask.limit]
            return Page(
                room=ask.room,
                events=tuple(events),
                more=ask.after + ask.limit < len(log),
                incarnation=self.incarnation,
            )
        end = len(log) if ask.before is None else min(ask.before - 1, len(log))
        begin = max(0, end - ask.limit)
        return Page(room=ask.room, events=tuple(log[begin:end]), more=begin > 0, incarnation=self.incarnation)

    @staticmethod
    def _blank(log: list[LogEvent], target: Seq) -> None:
        for index, event in enumerate(log):
            kept = isinstance(event.body, Deleted | Pinned)
            about = getattr(event.body, "target", None) == target and not kept
            if event.seq == target or about:
                was = str(type(event.body).__struct_config__.tag)
                log[index] = LogEvent(
                    room=event.room, seq=event.seq, at=event.at, author=event.author, device=event.device,
                    body=Blank(was=was),
                )  # fmt: skip


def _body(frame: Send | Edit | Delete | React | Pin) -> AnyBody:
    match frame:
        case Send():
            return Message(text=frame.text, reply_to=frame.reply_to)
        case Edit():
            return Edited(target=frame.target, text=frame.text)
        case Delete():
            return Deleted(target=frame.target)
        case React():
            return Reacted(target=frame.target, reaction=frame.reaction, on=frame.on)
        case Pin():
            return Pinned(target=frame.target, on=frame.on)


class NoDelivery:
    """A delivery service that is never reached: nothing in these tests is encrypted."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def call(*_args: object, **_named: object) -> None:
            if name != "close":
                raise UnreachableError(name)

        return call


class Desk:
    """A home folder with a saved account, and clients on it."""

    def __init__(self, folder: Path, server: FakeServer) -> None:
        self.home = ChatHome(folder)
        self.server = server
        self.clock = FakeClock()
        self.clients: list[Client] = []
        self.archives: list[Archive] = []

    async def sign_in(self) -> None:
        archive = await Archive.open(self.home.archive, self.home.key)
        session = Secret("CANARY-session-token")
        await ArchivedProfile(archive).save(
            Profile(server="test:8443", user=ALICE, device=LAPTOP, session=session)
        )
        await archive.close()

    async def open(
        self, *, follow: bool = True, ready: bool = True, connect_after: asyncio.Event | None = None
    ) -> Client:
        client = Client(
            ChatHome(self.home.folder),
            follow=follow,
            clock=self.clock,
            chance=Random(7),
            dial=lambda _: self.server.dial,
            delivery=lambda _: cast("DeliveryClient", NoDelivery()),
        )
        await client.start(connect_after)
        self.clients.append(client)
        if ready:
            await client.connection.ready()
        return client

    async def archive(self) -> Archive:
        """Open the home's archive, beside a client that may have it open as well."""
        archive = await Archive.open(self.home.archive, self.home.key)
        self.archives.append(archive)
        return archive

    async def lose(self, client: Client) -> None:
        """Drop the connection and wait until the client knows."""
        await heard(
            client,
            lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE,
            self.server.drop,
        )

    async def regain(self, client: Client) -> None:
        """Let the time pass until the client tries again, and wait until it has caught up."""
        while client.connection.status.state is not LinkState.ONLINE:
            if client.connection.status.state is LinkState.OFFLINE:
                self.clock.advance(60)
            await asyncio.sleep(0)
        await client.connection.ready()

    async def close(self) -> None:
        for client in self.clients:
            await client.stop()
        for archive in self.archives:
            await archive.close()


async def heard(
    client: Client, wanted: Callable[[Change], bool], do: Callable[[], object] = lambda: None
) -> Change:
    """Do something and return the first change that fits."""
    future: asyncio.Future[Change] = asyncio.get_running_loop().create_future()

    def listen(change: Change) -> None:
        if not future.done() and wanted(change):
            future.set_result(change)

    unsubscribe = client.events.subscribe(listen)
    try:
        do()
        async with asyncio.timeout(60):
            return await future
    finally:
        unsubscribe()


RATE_LIMITED = Error(code=ErrorCode.RATE_LIMITED, retry_after=3_000)
