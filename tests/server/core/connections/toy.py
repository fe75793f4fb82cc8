"""A toy program and its connections: it has no line about budgets, errors, answers or sessions."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import CloseCode, MalformedFrameError
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Error, Frame, Greeting, Hello, Ok, Part, Push, Request
from parlour_protocol.kit.ids import ConnectionId, Millis, RequestId, SessionId, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.wire import Wire
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.budgets import Budgets
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.connection import ConnectionInfo
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.connections.topics import Topics
from parlour_server.core.content_filter import ContentFilter
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import TicketGrant

_F = TypeVar("_F", bound=Frame)


class Words(WireText):
    """What someone says."""

    __slots__ = ()
    max_bytes = 20_000


class Say(Request, frozen=True, tag="say"):
    """Say something."""

    words: Words = Words("hello")


class Ask(Request, frozen=True, tag="ask"):
    """Ask for something."""


class Said(Part, frozen=True, tag="said", tag_field="kind"):
    """What was said."""

    words: Words


class Heard(Push, frozen=True, tag="heard"):
    """Someone else said something."""

    words: Words


class Other(Greeting, frozen=True, tag="other"):
    """A greeting of another program."""


class Strange(Push, frozen=True, tag="strange"):
    """A push that is not in the program's protocol."""


WIRE: Final = Wire[Say | Ask, Hello | Ok[Said] | Error | Heard](
    "toy.v1", requests=Say | Ask, pushes=Heard, results=Said
)


class Toy:
    """A program that does what a test says."""

    audited = frozenset({"forbidden"})
    wire = WIRE

    def __init__(self, budgets: Budgets) -> None:
        self.budgets = budgets
        self.on_request: Callable[[Peer[list[str]], Request], Any] = lambda _peer, _request: None
        self.on_greet: Callable[[Peer[list[str]]], Any] = hello
        self.on_closed: Callable[[Peer[list[str]]], Any] = lambda _peer: None
        self.on_state: Callable[[Peer[list[str]]], Any] = lambda _peer: []
        self.peers: list[Peer[list[str]]] = []
        self.notices: list[object] = []
        self.entries: list[object] = []

    def state(self, peer: Peer[list[str]]) -> list[str]:
        self.peers.append(peer)
        state: list[str] = self.on_state(peer)
        return state

    async def greet(self, peer: Peer[list[str]]) -> Greeting | None:
        greeting = self.on_greet(peer)
        return await greeting if asyncio.iscoroutine(greeting) else greeting

    def greeted(self, peer: Peer[list[str]]) -> None:
        peer.state.append("greeted")

    def handle(self, peer: Peer[list[str]], request: Request) -> Any:
        return self.on_request(peer, request)

    def about(self, request: Request) -> Mapping[str, str | None]:
        return {"thing": type(request).__name__}

    def notice(self, notice: object) -> None:
        self.notices.append(notice)

    def journal(self, entry: object) -> None:
        self.entries.append(entry)

    def closed(self, peer: Peer[list[str]]) -> None:
        self.on_closed(peer)


def hello(peer: Peer[list[str]]) -> Hello:
    """Greet as most programs do."""
    return Hello(
        server="toy.example", user=peer.user, device=peer.device, session=peer.session, now=Millis(0)
    )


class Client:
    """A connection that keeps what it is sent, as its client would read it."""

    def __init__(self, name: str, session: SessionId, address: str) -> None:
        user, device = parse_user_name(name), parse_device_name("laptop")
        grant = TicketGrant(session=session, user=user, device=device, expires=Millis(10**15))
        self.info = ConnectionInfo(ConnectionId(secrets.token_urlsafe(16)), grant, address)
        self.frames: list[Frame] = []
        self.ended: CloseCode | None = None
        self.late: list[bytes] = []
        """What was sent to it after its end: nothing ever should be."""
        self.unreadable: list[bytes] = []
        """What it could not read: nor should there be any of this."""

    def send(self, frame: Frame) -> int:
        data = encode(frame)
        self._take(data)
        return len(data)

    def write(self, wire: bytes) -> None:
        while wire:
            size, start = wire[1], 2
            if size == 126:
                size, start = int.from_bytes(wire[2:4], "big"), 4
            self._take(wire[start : start + size])
            wire = wire[start + size :]

    def end(self, code: CloseCode) -> None:
        self.ended = code

    def got(self, kind: type[_F]) -> list[_F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def answers(self, request: RequestId) -> list[Ok[Said] | Error]:
        return [frame for frame in self.frames if isinstance(frame, Ok | Error) and frame.re == request]

    def answer(self, request: RequestId) -> Ok[Said] | Error:
        """Return the one answer to a request."""
        answers = self.answers(request)
        assert len(answers) == 1, f"{len(answers)} answers"
        return answers[0]

    def code(self, request: RequestId) -> str:
        """Return the code of the refusal of a request, or `ok`."""
        answer = self.answer(request)
        return answer.code if isinstance(answer, Error) else "ok"

    def _take(self, data: bytes) -> None:
        if self.ended is not None:
            self.late.append(data)
        try:
            self.frames.append(WIRE.decode_server_frame(data))
        except MalformedFrameError:
            self.unreadable.append(data)


class World:
    """A connection service, its program, and the connections."""

    def __init__(self, rates: Rates, budgets: Budgets, content_filter: ContentFilter | None = None) -> None:
        self.clients: list[Client] = []
        self.clock, self.hits = StoppedClock(), LimitHits()
        self.audit = ReadableAudit()
        self.bus = LocalBus()
        self.topics = Topics(asyncio.get_running_loop(), 0.0, frozenset(WIRE.pushes), self.bus)
        self.toy = Toy(budgets)
        self.connected: ConnectedPeers[list[str]] = ConnectedPeers()
        self.activity = SessionActivity(self.clock)
        self.service = ConnectionService(
            self.toy,
            rates=rates,
            connected=self.connected,
            background=BackgroundTasks(),
            bus=self.bus,
            activity=self.activity,
            audit=self.audit,
            clock=self.clock,
            quotas=Quotas(hits=self.hits),
            extensions=Extensions(content_filter=content_filter),
        )

    async def connect(self, name: str = "ada", session: str = "", address: str = "192.0.2.7") -> Client:
        """Connect someone and wait for the greeting."""
        client = self.open(name, session, address)
        await settle()
        assert len(client.frames) == 1
        return client

    def open(self, name: str = "ada", session: str = "", address: str = "192.0.2.7") -> Client:
        """Connect someone."""
        client = Client(name, SessionId(session or secrets.token_urlsafe(16)), address)
        self.clients.append(client)
        self.service.opened(client)
        return client

    def send(self, client: Client, kind: type[Request] = Say, **fields: Any) -> RequestId:
        """Send a request and return its id."""
        request = fields.pop("id", None) or new_request_id()
        tag = kind.__struct_config__.tag
        self.service.received(client, msgspec.json.encode({"type": tag, "id": request, **fields}))
        return RequestId(request)

    async def ask(self, client: Client, kind: type[Request] = Say, **fields: Any) -> str:
        """Send a request; return the code of its one answer, or `ok`."""
        request = self.send(client, kind, **fields)
        await settle()
        return client.code(request)

    def lines(self, event: str) -> list[dict[str, object]]:
        """Return the audit lines of this kind."""
        return [fields for kind, fields in self.audit.events if kind == event]


async def settle() -> None:
    """Run the loop until everything that needs no timer is done."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def world(rates: Rates | None = None, budgets: Budgets | None = None) -> AsyncIterator[World]:
    """Make a world and end it."""
    made = World(rates or Rates(), budgets or {})
    try:
        yield made
    finally:
        await made.service.close()
    assert not any(client.late or client.unreadable for client in made.clients)
