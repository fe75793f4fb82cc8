"""F8: the client's WebSocket by the 247 cases of RFC 6455 that Autobahn made."""

import asyncio
from pathlib import Path

import pytest
from tests.client.kit.transport.test_websocket import SERVER, opened, upgrading
from tests.rfc6455 import Limits, Peer, failures, load

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport import websocket
from parlour_lab.impostor import recording
from parlour_protocol.kit.limits import SERVER_FRAME

NORMAL_CLOSURE = 1000
"""A binary message ends the conversation, which closes."""
ENOUGH = 4096
"""websockets' limit of fragments."""


async def test_conformance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F8: framing, pings, reserved bits and opcodes, fragments, UTF-8, close codes."""
    monkeypatch.setattr(websocket, "_CLOSE_SECONDS", 0.05)
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.put_nowait(Peer(reader, writer, masked=False, may_cut=True))
        await asyncio.Event().wait()

    async with recording(SERVER.context(tmp_path), upgrading(serve)) as server:

        async def echo() -> None:
            wire = await opened(server.address)
            try:
                while True:
                    await wire.send(await wire.receive())
            except ParlourClientError:
                await wire.close()

        async def open_peer() -> Peer:
            task = asyncio.create_task(echo())
            running.add(task)
            task.add_done_callback(running.discard)
            return await peers.get()

        limits = Limits(NORMAL_CLOSURE, SERVER_FRAME.value, ENOUGH)
        assert not (wrong := await failures(load(), limits, open_peer, 60)), "\n".join(wrong)
        if running:
            await asyncio.wait(running)
