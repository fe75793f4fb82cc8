"""A server that receives events over TLS, and a chat that sends them to it."""

import asyncio
import base64
import hmac
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.ids import new_request_id
from parlour_server.chat.program import CHAT
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import Socket, World, running

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
PATIENCE = 60


@dataclass
class Place:
    """A chat with ada in its lobby, and the receiver."""

    world: World
    ada: Socket
    clock: FakeClock
    url: str
    secret: bytes = b""
    answers: list[bytes] = field(default_factory=list)
    """Given in turn; then it takes everything. An empty one is no answer."""
    got: "asyncio.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=asyncio.Queue)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.partition("localhost:")[2].partition("/")[0])

    async def add(self, *options: str, url: str = "") -> dict[str, Any]:
        """Add the receiver."""
        made = await self.run("add", "lobby", url or self.url, *options)
        self.secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
        return made

    async def run(self, *words: str) -> Any:
        """Run a command of `receiver`."""
        return json.loads(await self.world.command("receiver", *words, "--json"))

    async def say(self, text: str) -> None:
        """Let ada write."""
        (lobby,) = self.ada.greeted.rooms  # type: ignore[union-attr] - she was greeted
        await self.ada.ask(Send(id=new_request_id(), room=lobby.room, text=MessageText(text)))

    async def next(self, step: float = 1) -> tuple[dict[str, str], dict[str, Any]]:
        """Let time pass until the next request; return its headers and body, whose signature is right."""
        headers, body = await self._until(self.got.get, step)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.digest(self.secret, signed, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        return headers, json.loads(body)

    async def failed(self, step: float = 1) -> list[dict[str, Any]]:
        """Let time pass until something was given up; return it."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.run("failed")):
                self.clock.forward(step)
        return list(found)

    async def _until(self, wait: Any, step: float) -> Any:
        task = asyncio.ensure_future(wait())
        async with asyncio.timeout(PATIENCE):
            while not task.done():
                self.clock.forward(step)
                await asyncio.wait([task], timeout=0.05)
        return task.result()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name: line.split(": ", 1)[1] for line in head[1:] if line for name in [line.split(":")[0].lower()]
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.put_nowait(({**headers, "": head[0]}, body))
        answer = self.answers.pop(0) if self.answers else OK
        if answer:
            writer.write(answer)
            await writer.drain()
        else:
            await reader.read()  # until the sender gives up
        writer.close()


@asynccontextmanager
async def place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, port: int = 0, **given: Any
) -> AsyncIterator[Place]:
    """Run both; the receiver has the certificate of the chat's own CA. With a ``port``, run them again."""
    clock, bound = FakeClock(), socket.create_server(("127.0.0.1", port))
    url = f"https://localhost:{bound.getsockname()[1]}"
    settings = {"receivers.servers": [url], "receivers.networks": ["127.0.0.1", "::1"]}
    settings |= {name.replace("__", "."): value for name, value in given.items()}
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    async with running(CHAT, folder, given=None if port else settings, clock=clock) as world:
        data, context = CHAT.folder(folder), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(data.certificate, data.key)
        ada = await (await (world.log_in if port else world.person)("ada")).connect()
        here = Place(world, ada, clock, f"{url}/hook?token=path-secret")
        server = await asyncio.start_server(here.handle, sock=bound, ssl=context)
        try:
            yield here
        finally:
            server.close()  # without waiting for those that hang
