"""A server that says whatever the oracle wants: real TLS, real tickets, a real WebSocket, no scruples.

It keeps rooms as logs and answers a client's requests as the protocol says, unless told to refuse with a
stranger's words. Frames that no honest server could build go out raw. The oracle starts one for each client.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from tests.e2e.oracle.front import serving
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive, outbox_table
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.transport.trust import pin_of
from parlour_lab.impostor import Made, make
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
from parlour_protocol.frames.bodies import Created
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import (
    AnyResult,
    Ban,
    Bans,
    Blocked,
    Directory,
    Member,
    Members,
    Page,
    Pins,
    RoomListing,
    Stored,
)
from parlour_protocol.frames.requests import (
    History,
    ListBans,
    ListBlocked,
    ListMembers,
    ListPins,
    ListRooms,
    Send,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.api import Problem, SessionInfo, SessionList, TicketIssued, encode_payload
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId, Seq, SessionId
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import RoomName, parse_room_name
from parlour_protocol.rooms import Role, RoomKind

ME, BOB, CAROL = (parse_user_name(name) for name in ("alice", "bob", "carol"))
LAPTOP = parse_device_name("laptop")
INCARNATION = Incarnation("i" * 22)
BEGIN = 1_795_500_000_000
DIRECTORY_PAGE = 100
PATIENCE = 90.0


class HostileServer:
    """One hostile server for one client."""

    def __init__(self) -> None:
        self.made: Made = make()
        self.port = 0
        self.logs: dict[RoomId, list[LogEvent]] = {}
        self.names: dict[RoomId, RoomName] = {}
        self.members: list[Member] = []
        self.listing: list[RoomListing] = []
        self.blocked: list[UserName] = []
        self.bans: Sequence[Ban] = ()
        self.refuse: dict[type, str] = {}
        """Requests that are answered with an error, and the hint in it."""
        self.problem: bytes | None = None
        """What the next ticket is refused with, instead of given."""
        self.hints: Mapping[RequestId, str] = {}
        """What single requests are refused with."""
        self.queued: list[Send] = []
        """What lies in the client's outbox when it comes."""
        self.pinned: dict[RoomId, tuple[Seq, ...]] = {}
        self.sessions: list[DeviceName] = []
        """Those beside the client's own."""
        self.files: asyncio.Queue[bytes] = asyncio.Queue()
        """What downloads bring, in order: each waits for it. One that begins with `{` refuses."""
        self.admits = asyncio.Event()
        """Whether tickets are given now; else who asks for one waits."""
        self.admits.set()
        self.ends: asyncio.Queue[None] = asyncio.Queue()
        """One item for each connection that ended."""
        self.asked: asyncio.Queue[AnyRequest] = asyncio.Queue()
        """Requests, as they come."""
        self._socket: ServerConnection | None = None
        self._session = ConnectionState(Side.SERVER)
        self.ready = asyncio.Event()

    # --- what the oracle does

    def room(self, name: str) -> RoomId:
        """Make a room."""
        readable = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
        room = RoomId((f"{len(self.logs)}_{readable}" + "_" * 22)[:22])
        self.logs[room], self.names[room] = [], parse_room_name(name)
        self.append(room, Created(RoomKind.PUBLIC, self.names[room]))
        return room

    def append(self, room: RoomId, body: AnyBody, author: UserName = BOB) -> LogEvent:
        """Write an event into a room's log."""
        log = self.logs[room]
        seq = Seq(len(log) + 1)
        event = LogEvent(room, seq, Millis(BEGIN + 1_000 * seq), author, LAPTOP, body)
        log.append(event)
        return event

    async def say(self, *frames: Frame) -> None:
        """Send frames."""
        for frame in frames:
            self._session.sent(frame)
            await self.say_raw(encode(frame))

    async def say_raw(self, data: bytes) -> None:
        """Send a text frame of any bytes."""
        if self._socket is not None:
            try:
                await self._socket.send(data, text=True)
            except ConnectionClosed:
                return

    def forget(self) -> None:
        """Wait only for requests that come from here on."""
        while not self.asked.empty():
            self.asked.get_nowait()

    async def was_asked(self, kind: type) -> None:
        """Wait for a request. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not isinstance(await self.asked.get(), kind):
                pass

    async def ended(self) -> None:
        """Wait for the end of a connection. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            await self.ends.get()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection with a reason of ours."""
        if self._socket is not None:
            await self._socket.close(code, reason)

    def summary(self, room: RoomId) -> RoomSummary:
        """Return a room as its member sees it."""
        head = Seq(len(self.logs[room]))
        return RoomSummary(room, RoomKind.PUBLIC, Role.MODERATOR, head, head, 3, self.names[room])

    # --- serving

    async def make_home(self, folder: Path) -> None:
        """Write the home folder of somebody who has logged in."""
        await write_profile(folder, self.port, self.made, self.queued)

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator["HostileServer"]:
        """Serve on a free port of loopback."""
        context: ssl.SSLContext = self.made.context(folder)
        async with serving(folder, context, self._http, self._converse) as self.port:
            yield self

    async def _http(self, _method: str, path: str, _body: bytes) -> tuple[HTTPStatus, bytes]:
        if path == "/v1/sessions":
            sessions = tuple(map(_session, (LAPTOP, *self.sessions)))
            return HTTPStatus.OK, encode_payload(SessionList(sessions))
        if path.startswith("/v1/files/"):
            content = await self.files.get()
            return HTTPStatus.CONFLICT if content.startswith(b"{") else HTTPStatus.OK, content
        if path != "/v1/tickets":
            return HTTPStatus.NOT_FOUND, encode_payload(Problem("not_found"))
        await self.admits.wait()
        if self.problem is not None:
            body, self.problem = self.problem, None
            return HTTPStatus.SERVICE_UNAVAILABLE, body
        return HTTPStatus.CREATED, encode_payload(TicketIssued(Secret("t" * 43), 30, here=True))

    async def _converse(self, socket: ServerConnection) -> None:
        self._socket, self._session = socket, ConnectionState(Side.SERVER)
        await self.say(self._hello())
        self.ready.set()
        try:
            async for data in socket:
                frame = decode_request(data.encode() if isinstance(data, str) else data)
                self._session.received(frame)
                await self._answer(frame)
                self.asked.put_nowait(frame)
        except ConnectionClosed:
            pass
        if self._socket is socket:  # the next one may have come before this end was noticed
            self.ready.clear()
        self.ends.put_nowait(None)

    def _hello(self) -> Hello:
        return Hello(
            "test",
            ME,
            LAPTOP,
            SessionId("s" * 22),
            Millis(BEGIN),
            INCARNATION,
            tuple(map(self.summary, self.logs)),
        )

    async def _answer(self, frame: AnyRequest) -> None:
        hint = self.hints.get(frame.id) or self.refuse.get(type(frame))
        if hint is not None:
            await self.say(Error(ErrorCode.FORBIDDEN, frame.id, str.__new__(ReasonText, hint)))
        else:
            await self.say(Ok(frame.id, self._result(frame)))

    def _result(self, frame: AnyRequest) -> AnyResult | None:  # noqa: PLR0911 - one return for each request
        match frame:
            case History():
                return self._page(frame)
            case ListMembers():
                return Members(frame.room, tuple(self.members), more=False)
            case ListRooms():
                names = [one for one in self.listing if frame.after is None or one.name > frame.after]
                return Directory(tuple(names[:DIRECTORY_PAGE]), more=len(names) > DIRECTORY_PAGE)
            case Send():
                return Stored(frame.room, Seq(len(self.logs[frame.room]) + 1), Millis(BEGIN), INCARNATION)
            case ListBans():
                return Bans(frame.room, tuple(self.bans), more=False)
            case ListBlocked():
                return Blocked(tuple(self.blocked), more=False)
            case ListPins():
                return Pins(frame.room, self.pinned.get(frame.room, ()))
            case _:
                return None

    def _page(self, ask: History) -> Page:
        log = self.logs[ask.room]
        if ask.after is not None:
            events: Sequence[LogEvent] = log[ask.after : ask.after + ask.limit]
            return Page(
                ask.room, tuple(events), more=ask.after + ask.limit < len(log), incarnation=INCARNATION
            )
        end = (ask.before - 1) if ask.before is not None else len(log)
        begin = max(0, end - ask.limit)
        return Page(ask.room, tuple(log[begin:end]), more=begin > 0, incarnation=INCARNATION)


async def write_profile(folder: Path, port: int, made: Made, queued: Sequence[Send] = ()) -> None:
    """Write into a home folder who logged in, where the server is, and what is on its way."""
    home = ChatHome(folder)
    archive = await Archive.open(home.archive, home.key)
    profile = Profile(f"127.0.0.1:{port}", ME, LAPTOP, Secret("s" * 43), pin=pin_of(made.der))
    await ArchivedProfile(archive).save(profile)
    for room in dict.fromkeys(frame.room for frame in queued):
        frames = [frame for frame in queued if frame.room == room]
        await archive.write(outbox_table.put, room, frames, Millis(BEGIN))
    await archive.close()
    downloads = folder.parent / "downloads"
    downloads.mkdir()
    words = 'clipboard = "terminal"\npictures = "on"\n'
    words += f'notifications = "osc9"\nnotify_for = "all"\ndownloads = "{downloads}"\n'
    (folder / "settings.toml").write_text(words)


def _session(name: DeviceName) -> SessionInfo:
    return SessionInfo(SessionId("s" * 22), name, Millis(BEGIN), Millis(BEGIN), Millis(BEGIN))


def listing(name: str, topic: str) -> RoomListing:
    """Return an entry of the directory, its topic unchecked."""
    return RoomListing(
        RoomId((name + "_" * 22)[:22]), parse_room_name(name), 3, str.__new__(TopicText, topic)
    )


def raw(frame: Frame, mark: str, untrusted: str) -> bytes:
    """Return a frame in which ``mark`` is replaced by a text that no honest server would let through."""
    return encode(frame).replace(mark.encode(), json.dumps(untrusted)[1:-1].encode())
