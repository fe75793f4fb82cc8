"""The server in memory behind a real socket: TLS, the calls of HTTPS, and the WebSocket, for one session.

A chat connection is handed on to a WebSocket server of its own, on a socket of the file system; everything
else is answered here. It answers whatever the server in memory answers. ``encrypted_rooms.py`` opens it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from msgspec.structs import replace
from tests.client.core.e2ee.memory_server import LAPTOP, Line
from tests.client.core.e2ee.memory_wires import MemoryWire
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_protocol import delivery
from parlour_protocol.delivery import DeviceList
from parlour_protocol.frames import Hello
from parlour_protocol.frames.wire import CHAT_PATH, SUBPROTOCOL
from parlour_protocol.ids import RoomId, WelcomeId
from parlour_protocol.kit.api import (
    Payload,
    Problem,
    SessionInfo,
    SessionList,
    TicketIssued,
    decode_payload,
    encode_payload,
)
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.secret import Secret

YEAR = 365 * 86_400_000


class Gate:
    """One session's connection to the server in memory."""

    def __init__(self, line: Line, called: Mapping[DeviceId, DeviceName]) -> None:
        self.line, self.server = line, line.server
        self._called = called
        self.wire: MemoryWire | None = None
        self.port = 0
        self._socket = ""

    @asynccontextmanager
    async def open(self, folder: Path, context: ssl.SSLContext) -> AsyncIterator[None]:
        """Serve on a free port of loopback."""
        self._socket = str(folder / "chat.sock")
        chat = await unix_serve(
            self._converse, self._socket, compression=None, max_size=None, ping_interval=None,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
        )  # fmt: skip
        front = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=context)
        self.port = front.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            front.close()
            chat.close(close_connections=True)
            await chat.wait_closed()

    # --- the chat

    async def _converse(self, socket: ServerConnection) -> None:
        wire = self.wire = MemoryWire(self.line)
        self.server.wires.append(wire)
        user = self.line.user
        rooms = [room for room in self.server.rooms.values() if user in room.members]
        now, session = self.server.clock.now(), self.line.session
        summaries = tuple(self.server.summary(room, user) for room in rooms)
        wire.say(Hello(self.server.server, user, LAPTOP, session, now, self.server.incarnation, summaries))
        speaking = asyncio.ensure_future(self._speak(socket, wire))
        with suppress(ConnectionClosed):
            async for data in socket:
                await wire.send(data.encode() if isinstance(data, str) else data)
        wire.drop()
        await speaking

    @staticmethod
    async def _speak(socket: ServerConnection, wire: MemoryWire) -> None:
        with suppress(ConnectionClosed, SocketClosedError):
            while True:
                await socket.send(await wire.receive(), text=True)

    # --- HTTPS

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode("latin-1").split(" ", 2)
                if path == CHAT_PATH:
                    await self._hand_on(head, reader, writer)
                    break
                writer.write(await self._answered(method, path, await reader.readexactly(_length(head))))
                await writer.drain()
        writer.close()

    async def _hand_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(self._socket)
        forth.write(head)
        await asyncio.wait(
            [asyncio.ensure_future(_pump(reader, forth)), asyncio.ensure_future(_pump(back, writer))]
        )

    async def _answered(self, method: str, path: str, body: bytes) -> bytes:
        status = HTTPStatus.OK
        try:
            found = await self._call(method, path, body)
        except ApiRefusedError as error:
            status, found = HTTPStatus.CONFLICT, Problem(error.code, str(error))
        data = b"{}" if found is None else encode_payload(found)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        return head.encode() + data

    async def _call(  # noqa: PLR0911 - one case for each call
        self, method: str, path: str, body: bytes
    ) -> Payload | None:
        line = self.line
        match method, path.removeprefix("/v1/").split("/"):
            case "POST", ["tickets"]:
                return TicketIssued(Secret("t" * 43), 30)
            case "GET", ["sessions"]:
                return SessionList((self._session(),))
            case "GET", ["devices"]:
                return await self._devices()
            case "POST", ["devices"]:
                return await line.register_device(decode_payload(delivery.RegisterDevice, body))
            case "PUT", ["devices", device, "key-packages"]:
                return await line.put_packages(device, decode_payload(delivery.KeyPackages, body))  # type: ignore[arg-type, func-returns-value]
            case "GET", ["devices", device, "welcomes"]:
                return await line.welcomes(device)  # type: ignore[arg-type]
            case "DELETE", ["welcomes", welcome]:
                return await line.drop_welcome(WelcomeId(welcome))  # type: ignore[func-returns-value]
            case "GET", ["rooms", room, "group"]:
                return await line.group(RoomId(room))
            case "GET", [log] if log.startswith("key-log?after="):
                return await line.key_log(int(log.partition("=")[2]))
            case _:
                raise ApiRefusedError(f"{method} {path} is not served here", "not_found")

    async def _devices(self) -> DeviceList:
        listed = await self.line.devices()
        named = [replace(one, name=self._called.get(one.device, one.name)) for one in listed.devices]
        return replace(listed, devices=tuple(named))

    def _session(self) -> SessionInfo:
        now = self.server.clock.now()
        return SessionInfo(self.line.session, LAPTOP, now, now, Millis(now + YEAR), current=True)


def _length(head: bytes) -> int:
    lines = head.decode("latin-1").lower().split("\r\n")
    return next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
