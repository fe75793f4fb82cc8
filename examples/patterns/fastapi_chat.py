"""A chat with FastAPI: ticket login, an exact gate, budgets and strict frames (README.md: how to run it)."""

import ssl
import sys
from functools import partial
from time import monotonic

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from parlour_protocol.kit.codec import frame_decoder
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.token_buckets import KeyedBuckets
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
app = FastAPI(openapi_url=None)


async def gate(scope: Scope, receive: Receive, send: Send) -> None:
    status = refusal(Headers(scope=scope), scope["query_string"])
    await (Response(status_code=status) if status else app)(scope, receive, send)


def refusal(headers: Headers, query: bytes) -> int:
    if headers.getlist("host") != [HOST]:
        return 421
    if headers.getlist("origin") not in ([], [ORIGIN]):
        return 403
    if "transfer-encoding" in headers or int(headers.get("content-length", "0")) > BODY_BYTES:
        return 413
    logins.burn(query.decode("latin-1"))
    return 401 if query else 0


@app.post("/{operation}")
async def post(operation: str, request: Request) -> Response:
    address = request.client.host if request.client else ""
    try:
        body, authorization = await request.body(), request.headers.get("authorization")
        return JSONResponse(await logins.answer(operation, body, authorization, address))
    except EntryError as error:
        return Response(status_code=error.status)


@app.websocket("/chat")
async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await room.run(partial(receive_text, socket), socket.send_text, socket.close)


async def receive_text(socket: WebSocket) -> str:
    message = await socket.receive()
    if message.get("text") is None:  # binary, or they are gone
        raise ClosingError(1003)
    return str(message["text"])


def server(context: ssl.SSLContext) -> uvicorn.Server:
    # At a lower level than this, uvicorn writes URLs into its log.
    config = uvicorn.Config(gate, port=PORT, ssl_context_factory=lambda *_: context, log_level="warning")
    config.lifespan, config.server_header, config.ws_per_message_deflate = "off", False, False
    config.ws_max_size = FRAME_BYTES
    config.ws_ping_interval = config.ws_ping_timeout = PING_SECONDS
    return uvicorn.Server(config)


if __name__ == "__main__":
    accounts.update(read_hashes(sys.argv[3]))
    server(server_context(sys.argv[1], sys.argv[2])).run()
