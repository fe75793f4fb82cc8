"""A chat with Django Channels: ticket login, an exact gate, budgets and strict frames (README.md)."""

import ssl
import sys
from time import monotonic
from typing import Any

import uvicorn
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from parlour_protocol.kit.codec import frame_decoder
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.token_buckets import KeyedBuckets
from parlour_server.standalone.https import server_context
from parlour_server.standalone.logins import EntryError, MemoryLogins, read_hashes
from parlour_server.standalone.room import ClosingError, Room

PORT, HOST, ORIGIN = 8443, "localhost:8443", "https://localhost:8443"
BODY_BYTES, FRAME_BYTES, WAITING_FRAMES, FIRST_FRAME_SECONDS, PING_SECONDS = 4096, 16_384, 64, 5.0, 20.0


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
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"])


@require_POST
async def post(request: HttpRequest, operation: str) -> HttpResponse:
    address, authorization = request.META["REMOTE_ADDR"], request.META.get("HTTP_AUTHORIZATION")
    try:
        return JsonResponse(await logins.answer(operation, request.body, authorization, address))
    except EntryError as error:
        return HttpResponse(status=error.status)


# A consumer is any ASGI application. One of Channels' own classes would be handed frames, and could not stop.
async def chat(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await room.run(
        lambda: receive_text(receive),
        lambda said: send({"type": "websocket.send", "text": said}),
        lambda code: send({"type": "websocket.close", "code": code}),
    )


async def receive_text(receive: Any) -> str:
    message = await receive()
    if message.get("text") is None:  # binary, or they are gone
        raise ClosingError(1003)
    return str(message["text"])


urlpatterns = [path("<operation>", post)]
app = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": chat})


async def gate(scope: Any, receive: Any, send: Any) -> None:
    if not (status := refusal(scope["headers"], scope["query_string"])):
        return await app(scope, receive, send)
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": []})
    return await send({"type": f"{kind}.body", "body": b""})


def refusal(headers: list[tuple[bytes, bytes]], query: bytes) -> int:
    sent = {name: [value.decode("latin-1") for key, value in headers if key == name] for name, _ in headers}
    if sent.get(b"host") != [HOST]:
        return 421
    if sent.get(b"origin", []) not in ([], [ORIGIN]):
        return 403
    if b"transfer-encoding" in sent or int(sent.get(b"content-length", ["0"])[0]) > BODY_BYTES:
        return 413
    logins.burn(query.decode("latin-1"))
    return 401 if query else 0


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
