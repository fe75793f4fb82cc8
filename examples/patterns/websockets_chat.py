"""A chat with websockets: ticket login, an exact gate, budgets and strict frames (README.md: how to run it).

websockets answers no POST, so people log in at a small HTTPS server beside it, on a port of its own.
"""

import asyncio
import ssl
import sys
from collections.abc import Sequence
from functools import partial
from time import monotonic

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from parlour_protocol.kit.codec import frame_decoder
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.token_buckets import KeyedBuckets
from parlour_server.standalone.https import LoginServer, server_context
from parlour_server.standalone.logins import MemoryLogins, read_hashes
from parlour_server.standalone.room import ClosingError, Room

PORT, HOST, ORIGIN = 8443, "localhost:8443", "https://localhost:8443"
API_PORT, API_HOST = 8444, "localhost:8444"
FRAME_BYTES, WAITING_FRAMES = 16_384, 64
FIRST_FRAME_SECONDS, PING_SECONDS = 5.0, 20.0


class Text(WireText):
    max_bytes = 4096


class Say(Frame, frozen=True, tag="say"):
    text: Text


class Said(Frame, frozen=True, tag="said"):
    author: str
    text: str


read_say = frame_decoder(Say)
messages: KeyedBuckets[str] = KeyedBuckets(60, per=60, burst=20)


def hear(user: str, frame: str) -> None:
    if messages.take(user, monotonic()):
        raise ClosingError(4004)
    room.publish(Said(user, safe_text(read_say(frame).text).plain))


accounts: dict[str, str] = {}
logins = MemoryLogins(accounts, monotonic)
room = Room(logins, hear, waiting=WAITING_FRAMES, first_frame_seconds=FIRST_FRAME_SECONDS)


def refusal(host: str, hosts: Sequence[str], origins: Sequence[str], target: str) -> int:
    if hosts != [host]:
        return 421
    if origins not in ([], [ORIGIN]):
        return 403
    _, has_query, query = target.partition("?")
    logins.burn(query)
    return 401 if has_query else 0


def gate(connection: ServerConnection, request: Request) -> Response | None:
    hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
    status = refusal(HOST, hosts, origins, request.path)
    return connection.respond(status, "") if status else None


async def chat(socket: ServerConnection) -> None:
    await room.run(partial(receive_text, socket), socket.send, socket.close)


async def receive_text(socket: ServerConnection) -> str:
    received = await socket.recv()
    if isinstance(received, bytes):
        raise ClosingError(1003)
    return received


async def run(context: ssl.SSLContext) -> None:
    below = LoginServer(logins, partial(refusal, API_HOST), API_PORT, context)
    async with serve(
        chat,
        "localhost",
        PORT,
        ssl=context,
        process_request=gate,
        max_size=FRAME_BYTES,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        compression=None,
        server_header=None,
    ):
        await below.serve()


if __name__ == "__main__":
    accounts.update(read_hashes(sys.argv[3]))
    asyncio.run(run(server_context(sys.argv[1], sys.argv[2])))
