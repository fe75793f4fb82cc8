"""The nodes as clients know them, and the connections of people over which everything that comes is recorded.

Each connection is real TLS and a real WebSocket. When a node is gone, a line goes to another one.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from random import Random
from typing import Any, Final

from tests.cluster.records import Connection, History, Opened, Redemption, Seen, Shut
from websockets.exceptions import InvalidStatus

from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import ParlourClientError, SessionEndedError, UnreachableError
from parlour_client.kit.transport.conversation import Conversation
from parlour_client.kit.transport.frame_socket import FrameSocket, SocketClosedError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import Trust, Verifier
from parlour_client.kit.transport.websocket import open_socket
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames import replies as frames
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.api import TicketIssued
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomKind

_ANSWER_SECONDS: Final = 4.0
"""A connection on which an answer takes longer is given up."""
CONNECT_SECONDS: Final = 4.0
PAUSE: Final = 0.15
"""Before another node is tried."""
PASSWORD: Final = "tigress-violin-marble"
now = time.monotonic


@dataclass(frozen=True, slots=True)
class Habits:
    """How often people do something: seconds between two acts of one, and acts beyond the usual ones."""

    pace: float = 0.06
    encrypted_pace: float = 0.3
    """Of people with encryption, whose acts cost more."""
    more: Mapping[str, int] = field(default_factory=dict)
    """More of these in each pack of acts, of those that someone has."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node, and the address at which clients reach it."""

    node: str
    address: ServerAddress


class World:
    """The nodes as clients know them, the rooms, and the records."""

    def __init__(self, seed: int) -> None:
        self.places: list[Place] = []
        self.history = History()
        self.public: list[RoomId] = []
        """Rooms in which everyone is, unless they are removed."""
        self.whose: dict[RoomId, str] = {}
        """All rooms of the people without encryption, with someone who stays in each."""
        self.messages: list[tuple[RoomId, int]] = []
        """What anyone may react to."""
        self.files: list[FileId] = []
        self.encrypted: list[RoomId] = []
        """Rooms of others, which are encrypted."""
        self.trust: Trust | None = None
        self.seed = seed
        self._verifiers: dict[Place, Verifier] = {}
        self._connections = 0
        self._tickets = 0

    def know(self, trust: Trust, addresses: Mapping[str, ServerAddress]) -> None:
        """Reach each node at an address, and trust them as ``trust`` says."""
        self.trust = trust
        self.places = [Place(node, address) for node, address in addresses.items()]
        self._verifiers = {place: Verifier(place.address, trust) for place in self.places}

    def chance(self, of: str) -> Random:
        """Return the random choices of one actor."""
        return Random(f"{self.seed} {of}")  # noqa: S311 - to be repeated

    def api(self, place: Place, *, keep: bool = False) -> Api:
        """Return the HTTPS API of a node."""
        return Api(self._verifiers[place], keep=keep)

    async def ticket(self, place: Place, token: Secret) -> Secret:
        """Return a ticket of a session that is good at every node. Raises ParlourClientError."""
        return (await self.api(place).call("POST", "/v1/tickets", TicketIssued, bearer=token)).ticket

    async def handshake(
        self, place: Place, login: Session, ticket: Secret, number: int, user: str, session: str
    ) -> "HeardSocket":
        """Open a socket with a ticket, and record what came of it. Raises ParlourClientError."""
        began = now()
        try:
            socket = await open_socket(WIRE, self._verifiers[place], login, ticket)
        except UnreachableError as error:
            why = error.__cause__
            if isinstance(why, InvalidStatus) and why.response.status_code == HTTPStatus.UNAUTHORIZED:
                refused = Redemption(number, session, place.node, began, now(), taken=False)
                self.history.redemptions.append(refused)
            raise
        self.history.redemptions.append(Redemption(number, session, place.node, began, now()))
        return HeardSocket(socket, self, user, session, place)

    def next_ticket(self) -> int:
        """Return a number for a ticket."""
        self._tickets += 1
        return self._tickets

    def opened(self, user: str, session: str, node: str) -> int:
        """Record a connection and return its number."""
        self._connections += 1
        self.history.connections[self._connections] = Connection(
            self._connections, user, session, node, now()
        )
        return self._connections

    def closed(self, number: int) -> None:
        """Record that a connection has ended."""
        connection = self.history.connections[number]
        if connection.closed > now():
            self.history.connections[number] = replace(connection, closed=now())

    def found_direct(self, room: RoomId, pair: frozenset[str]) -> None:
        """Note a direct room."""
        self.history.pairs.setdefault(room, pair)
        self.whose.setdefault(room, min(pair))


class HeardSocket:
    """A connection whose frames are recorded as they come."""

    def __init__(self, socket: FrameSocket, world: World, user: str, session: str, place: Place) -> None:
        self.security = socket.security
        self.number = world.opened(user, session, place.node)
        self.rooms: dict[RoomId, int] = {}
        """The rooms that are open on it, and the first number of each that it has to be sent."""
        self._socket = socket
        self._world = world
        self._user = user

    async def receive(self) -> bytes:
        """Wait for the next frame, and record it."""
        try:
            data = await self._socket.receive()
        except SocketClosedError:
            self._world.closed(self.number)
            raise
        heard, number = self._world.history.heard, self.number
        match WIRE.decode_server_frame(data):
            case LogEvent() as event:
                heard.append(Seen(number, now(), event))
            case frames.Hello(rooms=rooms):
                for summary in rooms:
                    self._open(summary)
            case frames.Ok(result=frames.Entered(room=summary)) | frames.RoomEntered(room=summary):
                self._open(summary)
            case frames.RoomClosed(room=room):
                self.rooms.pop(room, None)
                heard.append(Shut(number, now(), room))
            case _:
                pass
        return data

    async def send(self, data: bytes) -> None:
        """Send a frame."""
        await self._socket.send(data)

    async def close(self) -> None:
        """Close it."""
        self._world.closed(self.number)
        await self._socket.close()

    def _open(self, summary: frames.RoomSummary) -> None:
        if summary.kind is RoomKind.DIRECT and summary.peer is not None and not summary.encrypted:
            self._world.found_direct(summary.room, frozenset({self._user, summary.peer}))
        self.rooms.setdefault(summary.room, summary.head + 1)
        self._world.history.heard.append(Opened(self.number, now(), summary.room, summary.head))


@dataclass
class Line:
    """One connection of a person, kept up: at another node whenever one is gone."""

    world: World
    user: str
    name: str
    session: str
    """Its name in the records."""
    token: Secret
    chance: Random
    place: Place = field(init=False)
    socket: HeardSocket | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    """Whether the server says that the session has ended."""
    connects: int = 0
    _conversation: Conversation[Any, Any, Any, Any] | None = None
    _next: Place | None = None

    def __post_init__(self) -> None:
        self.place = self.chance.choice(self.world.places)

    async def run(self) -> None:
        """Stay connected for ever, or until the session has ended."""
        while not self.ended:
            try:
                socket = await self._connect()
            except SessionEndedError:
                self.ended = True
                return
            except (ParlourClientError, TimeoutError, OSError):
                self._move()
                await asyncio.sleep(PAUSE * (1 + self.chance.random()))
                continue
            try:
                await self._converse(socket)
            except (ParlourClientError, TimeoutError):
                self._move()
            finally:
                self.up.clear()
                self._conversation = self.socket = None
                await socket.close()

    async def request(self, frame: Any) -> Any:
        """Send a request. Raises RefusedError, UnreachableError if no answer came."""
        conversation = self._conversation
        if conversation is None:
            raise UnreachableError("There is no connection.")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                result = await conversation.request(frame)
        except TimeoutError:
            conversation.end()
            raise UnreachableError("No answer came.") from None
        return result

    def inside(self, room: RoomId) -> bool:
        """Tell whether the room is open on this connection."""
        return self.socket is not None and room in self.socket.rooms

    def go_to(self, place: Place) -> None:
        """End the connection; the next one is there."""
        self._next = place
        self.up.clear()
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection; another one follows."""
        if self._conversation is not None:
            self._conversation.end()

    def _move(self) -> None:
        others = [place for place in self.world.places if place != self.place]
        self.place = self._next or self.chance.choice(others or self.world.places)
        self._next = None

    async def _connect(self) -> HeardSocket:
        async with asyncio.timeout(CONNECT_SECONDS):
            elsewhere = self.chance.choice(self.world.places)
            ticket = self.world.next_ticket()
            try:
                issued = await self.world.ticket(elsewhere, self.token)
            except UnreachableError:
                issued = await self.world.ticket(self.place, self.token)
            login = Session(self.token)
            return await self.world.handshake(self.place, login, issued, ticket, self.user, self.session)

    async def _converse(self, socket: HeardSocket) -> None:
        conversation: Conversation[Any, Any, Any, Any] = Conversation(socket, WIRE, SystemClock())
        async with asyncio.timeout(CONNECT_SECONDS):
            await conversation.hello()
        self.connects += 1
        self._conversation, self.socket = conversation, socket
        self.up.set()
        await conversation.listen(_ignore)


async def _ignore(_push: Any) -> None:
    """Do nothing: the socket has recorded it."""
