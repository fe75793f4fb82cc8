"""The server in memory behind a real socket: TLS, the calls of HTTPS, and the WebSocket, for one session.

It answers whatever the server in memory answers. ``encrypted_rooms.py`` opens it.
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
from tests.e2e.oracle.front import serving
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from parlour_client.kit.errors import ApiRefusedError
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_protocol import delivery
from parlour_protocol.delivery import DeviceList
from parlour_protocol.frames import Hello
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

    @asynccontextmanager
    async def open(self, folder: Path, context: ssl.SSLContext) -> AsyncIterator[None]:
        """Serve on a free port of loopback."""
        async with serving(folder, context, self._answered, self._converse) as self.port:
            yield

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

    async def _answered(self, method: str, path: str, body: bytes) -> tuple[HTTPStatus, bytes]:
        try:
            found = await self._call(method, path, body)
        except ApiRefusedError as error:
            return HTTPStatus.CONFLICT, encode_payload(Problem(error.code, str(error)))
        return HTTPStatus.OK, b"{}" if found is None else encode_payload(found)

    async def _call(  # noqa: PLR0911 - one case for each call
        self, method: str, path: str, body: bytes
    ) -> Payload | None:
        line = self.line
        match method, path.removeprefix("/v1/").split("/"):
            case "POST", ["tickets"]:
                return TicketIssued(Secret("t" * 43), 30, here=True)
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
