"""A program that posts to a webhook, over TLS to a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.replies import LogEvent
from parlour_server.chat.program import CHAT
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import Socket, World, running

TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Place:
    """A server with ada in its lobby, and a webhook there."""

    world: World
    ada: Socket
    made: dict[str, Any]
    clock: FakeClock

    @property
    def path(self) -> str:
        """Where the webhook's address leads."""
        return "/v1/" + str(self.made["address"]).partition("/v1/")[2]

    async def post(
        self, body: bytes = b"hello", headers: dict[str, str] = TEXT, path: str | None = None
    ) -> tuple[int, str]:
        """Post to the webhook; return the status, and the code of an error."""
        context = self.world._context()

        def call() -> tuple[int, str]:
            connection = HTTPSConnection("localhost", self.world.port, context=context, timeout=20)
            try:
                connection.request("POST", path or self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                return answer.status, json.loads(content)["error"] if content else ""
            finally:
                connection.close()

        return await asyncio.to_thread(call)

    async def message(self) -> tuple[LogEvent, str]:
        """Wait for the next message that ada gets."""
        while True:
            frame = await self.ada.push()
            if isinstance(frame, LogEvent) and isinstance(frame.body, Message):
                return frame, frame.body.text

    async def hook(self, *words: str) -> dict[str, Any]:
        """Run a command of `webhook`."""
        result: dict[str, Any] = json.loads(await self.world.command("webhook", *words, "--json"))
        return result


@asynccontextmanager
async def place(folder: Path, **given: Any) -> AsyncIterator[Place]:
    """Run a server with a webhook; ``given`` are settings, `section__key`."""
    clock = FakeClock()
    settings = {name.replace("__", "."): value for name, value in given.items()}
    async with running(CHAT, folder, given=settings, clock=clock) as world:
        ada = await (await world.person("ada")).connect()
        made = json.loads(await world.command("webhook", "create", "lobby", "--name", "ci", "--json"))
        yield Place(world, ada, made, clock)
