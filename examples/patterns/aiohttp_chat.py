"""A chat with aiohttp: ticket login, an exact gate, budgets and strict frames (README.md: how to run it)."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

from aiohttp import WSMsgType, web

from parlour_protocol.kit.codec import frame_decoder
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.token_buckets import KeyedBuckets, TokenBucket
from parlour_server.standalone.https import server_context
from parlour_server.standalone.logins import EntryError, MemoryLogins, read_hashes
from parlour_server.standalone.room import ClosingError, Room

PORT, HOST, ORIGIN = 8443, "localhost:8443", "https://localhost:8443"
BODY_BYTES, FRAME_BYTES, WAITING_FRAMES = 4096, 16_384, 64
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


@web.middleware
async def gate(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    status = refusal(request)
    return web.Response(status=status) if status else await handler(request)


def refusal(request: web.Request) -> int:
    if request.headers.getall("Host", []) != [HOST]:
        return 421
    if request.headers.getall("Origin", []) not in ([], [ORIGIN]):
        return 403
    logins.burn(request.query_string)
    return 401 if request.query_string else 0


async def post(request: web.Request) -> web.Response:
    operation, authorization = request.match_info["operation"], request.headers.get("Authorization")
    try:
        body = await request.read()
        return web.json_response(await logins.answer(operation, body, authorization, request.remote or ""))
    except EntryError as error:
        return web.Response(status=error.status)


async def chat(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(
        max_msg_size=FRAME_BYTES, heartbeat=PING_SECONDS, autoping=False, compress=False
    )
    await socket.prepare(request)
    pings = TokenBucket(1, per=1, burst=20, now=monotonic())
    await room.run(
        partial(receive_text, socket, pings), socket.send_str, lambda code: socket.close(code=code)
    )
    return socket


async def receive_text(socket: web.WebSocketResponse, pings: TokenBucket) -> str:
    message = await socket.receive()
    while message.type in {WSMsgType.PING, WSMsgType.PONG}:
        if pings.take(monotonic()):
            raise ClosingError(4004)
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        message = await socket.receive()
    if message.type is not WSMsgType.TEXT:  # binary, or they are gone
        raise ClosingError(1003)
    return message.data


def application() -> web.Application:
    app = web.Application(middlewares=[gate], client_max_size=BODY_BYTES)
    app.add_routes([web.post("/{operation}", post), web.get("/chat", chat)])
    return app


if __name__ == "__main__":
    accounts.update(read_hashes(sys.argv[3]))
    web.run_app(
        application(),
        host="localhost",
        port=PORT,
        ssl_context=server_context(*sys.argv[1:3]),
        access_log=None,
    )
