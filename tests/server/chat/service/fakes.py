"""Stand-ins for the chat's collaborators, and a small world of people who are connected to it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from tests.server.chat.service.inline_store import InlineStore
from tests.server.core.store.world import log_in

from parlour_protocol.frames.bodies import Joined, Message
from parlour_protocol.frames.replies import AnyServerFrame, Entered, Error, Hello, LogEvent, Ok, Stored
from parlour_protocol.frames.requests import AnyRequest, CreateRoom, Invite
from parlour_protocol.frames.wire import decode_server_frame
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import CloseCode
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import ConnectionId, DeviceId, Millis, RequestId, SessionId, new_request_id
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name, skeleton
from parlour_server.app.metrics import Metrics
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities import message_reports, online_status
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.notices import EventCommitted
from parlour_server.chat.service.peer_state import PeerState
from parlour_server.chat.settings import ChatRates, ChatSettings, Delivery
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.audit import Audit
from parlour_server.core.bus.bus import Bus
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.connection import ConnectionInfo
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.connections.topics import Topics
from parlour_server.core.live_nodes import Alone
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import NewAccountRecord, SessionRecord, TicketGrant

_F = TypeVar("_F", bound=Frame)

LAPTOP = parse_device_name("laptop")
GENEROUS = ChatRates(
    messages_per_minute=10**6,
    message_burst=10**6,
    message_bytes_per_minute=10**10,
    message_bytes_burst=10**10,
    requests_per_minute=10**6,
    request_burst=10**6,
    reads_per_minute=10**6,
    read_burst=10**6,
    read_bytes_per_minute=10**10,
    read_bytes_burst=10**10,
)


class FakeClock:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> Millis:
        return Millis(int(self.seconds * 1000) + 1_700_000_000_000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RecordingAudit(Audit):
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.lines: list[tuple[StrEnum, dict[str, Any]]] = []

    def record(self, event: StrEnum, **fields: str | float | bool | None) -> None:
        self.lines.append((event, fields))

    def of(self, event: StrEnum) -> list[dict[str, Any]]:
        return [fields for kind, fields in self.lines if kind is event]


class FakePeer:
    """A connection that keeps what it is sent, read back as its client would read it."""

    def __init__(
        self,
        user: UserName,
        session: SessionId,
        device: DeviceName,
        expires: Millis,
        device_id: DeviceId | None = None,
        address: str = "192.0.2.7",
    ) -> None:
        grant = TicketGrant(session=session, user=user, device=device, expires=expires, device_id=device_id)
        self.info = ConnectionInfo(id=ConnectionId(secrets.token_urlsafe(16)), grant=grant, address=address)
        self.frames: list[AnyServerFrame] = []
        self.writes: list[int] = []
        """How many frames each write carried."""
        self.ended: CloseCode | None = None
        self.is_broken = False
        """Writing to it raises."""
        self._more = asyncio.Event()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until what this connection was sent fulfils a condition."""
        async with asyncio.timeout(60):
            while not condition():
                self._more.clear()
                await self._more.wait()

    def send(self, frame: Frame) -> int:
        data = encode(frame)
        self.frames.append(decode_server_frame(data))
        self._more.set()
        return len(data)

    def write(self, wire: bytes) -> None:
        if self.is_broken:
            raise ValueError("broken")
        count = 0
        while wire:
            size, start = wire[1], 2
            if size == 126:
                size, start = int.from_bytes(wire[2:4], "big"), 4
            assert wire[0] == 0x81
            self.frames.append(decode_server_frame(wire[start : start + size]))
            wire = wire[start + size :]
            count += 1
        self.writes.append(count)
        self._more.set()

    def end(self, code: CloseCode) -> None:
        self.ended = code

    def got(self, kind: type[_F]) -> list[_F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def events(self, room: RoomId) -> list[LogEvent]:
        return [event for event in self.got(LogEvent) if event.room == room]

    def texts(self, room: RoomId) -> list[str]:
        return [event.body.text for event in self.events(room) if isinstance(event.body, Message)]


async def settle() -> None:
    """Run the loop until everything that needs no timer is done."""
    for _ in range(30):
        await asyncio.sleep(0)


class World:
    """A chat over a database in memory, and the people in it."""

    def __init__(self, settings: ChatSettings) -> None:
        self.clock = FakeClock()
        self.audit = RecordingAudit()
        self.store = InlineStore(self.clock)
        self.bus: Bus = LocalBus()
        self.serve(settings, self.store)

    def serve(self, settings: ChatSettings, store: ChatStore) -> None:
        """Run the chat over a store: ``chat`` is what the network sees of it."""
        background = BackgroundTasks()
        self.nodes = Alone()
        connected: ConnectedPeers[PeerState] = ConnectedPeers()
        fields: dict[str, Any] = dict.fromkeys(Parts.__dataclass_fields__)
        topics = Topics(asyncio.get_running_loop(), 0.0, frozenset(), self.bus)
        own = {"server": "chat.example", "settings": settings, "store": store, "topics": topics}
        people = {"connected": connected, "nodes": self.nodes}
        ways = {"bus": self.bus, "clock": self.clock, "steady": self.clock, "background": background}
        counts = {"audit": self.audit, "quotas": Quotas(self.nodes), "metrics": Metrics()}
        parts: Parts[Any, ChatStore] = Parts(**fields | own | people | ways | counts)
        self.program = Chat(parts)
        for one in (message_reports, online_status):  # those that need no data folder
            served = one.served and one.served()
            assert served is not None
            assert served.join is not None
            served.join(parts, self.program)
        self.chat = ConnectionService(
            self.program,
            rates=settings.rates,
            connected=connected,
            background=background,
            bus=self.bus,
            activity=SessionActivity(self.clock),
            audit=self.audit,
            clock=self.clock,
            quotas=parts.quotas,
        )

    def account(self, name: str) -> UserName:
        user = parse_user_name(name)
        if self.store.at_once(self.store.accounts.find(user)) is None:
            record = NewAccountRecord(user, skeleton(user), "x", Millis(0))
            self.store.at_once(self.store.accounts.create(record, None))
        return user

    def open(self, name: str, address: str = "192.0.2.7") -> FakePeer:
        """Connect someone, without waiting for the hello."""
        user = self.account(name)
        expires = Millis(self.clock.now() + 10**9)
        session = SessionRecord(
            id=SessionId(secrets.token_urlsafe(16)),
            user=user,
            device=LAPTOP,
            token=secrets.token_bytes(32),
            created=Millis(0),
            last_seen=Millis(0),
            expires=expires,
        )
        self.store.at_once(log_in(self.store, session, cap=999))
        peer = FakePeer(user, session.id, LAPTOP, expires, address=address)
        self.chat.opened(peer)
        return peer

    async def connect(self, name: str, *, address: str = "192.0.2.7") -> FakePeer:
        """Connect someone and take the hello."""
        peer = self.open(name, address)
        await settle()
        assert len(peer.got(Hello)) == 1
        return peer

    def push(self, peer: FakePeer, kind: Callable[..., AnyRequest], /, **fields: Any) -> RequestId:
        """Send a request without waiting; fields are plain values, as JSON would carry them."""
        request = fields.pop("id", None) or new_request_id()
        tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
        self.chat.received(peer, msgspec.json.encode({"type": tag, "id": request, **fields}))
        return request

    async def ask(self, peer: FakePeer, kind: Callable[..., AnyRequest], /, **fields: Any) -> Ok | Error:
        """Send a request and return its one answer."""
        request = self.push(peer, kind, **fields)
        await settle()
        return self.answer(peer, request)

    def answer(self, peer: FakePeer, request: RequestId) -> Ok | Error:
        answers = [f for f in peer.frames if isinstance(f, Ok | Error) and f.re == request]
        assert len(answers) == 1, f"{len(answers)} answers"
        return answers[0]

    async def make_room(self, peer: FakePeer, name: str, kind: str = "public") -> RoomId:
        """Make a room and return its id."""
        answer = await self.ask(peer, CreateRoom, name=name, kind=kind)
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Entered)
        return answer.result.room.room

    async def bring(self, inviter: FakePeer, room: RoomId, name: str) -> None:
        """Invite someone, who accepts on a device that is not looked at."""
        self.account(name)
        stored(await self.ask(inviter, Invite, room=room, user=name))
        self.bus.publish(EventCommitted(self.elsewhere(room, name, Joined())))
        await settle()

    def elsewhere(self, room: RoomId, name: str, body: Any) -> LogEvent:
        """Append to the log as another process would, without publishing."""
        event = AppendEvent(
            room, parse_user_name(name), LAPTOP, new_request_id(), self.clock.now(), body, None
        )
        return self.store.commit(event).entry


def stored(answer: Ok | Error) -> Stored:
    """Return what was stored, or fail."""
    assert isinstance(answer, Ok), answer
    assert isinstance(answer.result, Stored)
    return answer.result


def refused(answer: Ok | Error) -> Error:
    """Return the refusal, or fail."""
    assert isinstance(answer, Error), answer
    assert answer.hint.isascii()
    return answer


@asynccontextmanager
async def world(rates: ChatRates = GENEROUS, delivery: Delivery | None = None) -> AsyncIterator[World]:
    """Make a world and end it."""
    made = World(ChatSettings(rates=rates, delivery=delivery or Delivery(flush_ms=0)))
    try:
        yield made
    finally:
        await made.chat.close()
