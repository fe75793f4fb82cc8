"""How long `send` waits for the server's word."""

import asyncio

import pytest
from tests.client.core.core_fake import LOBBY, Desk, FakeServer

from parlour_client.cli import send
from parlour_client.kit.errors import UnreachableError


async def test_only_a_long_outage_ends_a_send(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is slow and then away for a moment is waited for; one that stays away is not."""
    loop = asyncio.get_running_loop()
    passed, time = 0.0, loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + passed)
    monkeypatch.setattr(send, "_LOOK_SECONDS", 0.0)
    client = await desk.open()
    room = client.rooms.get(LOBBY)
    assert room is not None
    server.silent = True

    async def say(text: str) -> "asyncio.Future[None]":
        entry = await client.messages.send(LOBBY, text)
        return asyncio.ensure_future(send.acknowledged(client, room, entry, as_json=False))

    async def pass_by(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        for _ in range(20):
            await asyncio.sleep(0)

    patient = await say("a moment, please")
    await pass_by(1)
    await pass_by(send.LONGEST_OUTAGE - 10)
    await desk.lose(client)
    await pass_by(20)
    server.silent = False
    await desk.regain(client)
    async with asyncio.timeout(60):
        await patient
    server.silent = True
    lost = await say("is anybody there?")
    await desk.lose(client)
    await pass_by(1)
    await pass_by(send.LONGEST_OUTAGE)
    with pytest.raises(UnreachableError):
        async with asyncio.timeout(60):
            await lost
