# ruff: noqa: ASYNC110 - the loop is turned by hand, with a clock and chance of the test's own
"""Which request goes out next."""

import asyncio

import pytest
from tests.client.core.core_fake import GARDEN, LOBBY, RATE_LIMITED, Desk, FakeServer

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.text import safe_text


def sends(server: FakeServer) -> list[str]:
    """Return the texts that reached the server, stored or not, in order."""
    return [safe_text(request.text).plain for request in server.requests if isinstance(request, Send)]


async def turns(count: int = 50) -> None:
    """Let everything happen that needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_refused_for_speed_waits_and_keeps_the_order(desk: Desk, server: FakeServer) -> None:
    """The first is refused, as by a budget that has room again for the second: it goes first all the same.

    It waits as long as the server says, then all goes on by itself.
    """
    client = await desk.open()
    server.refusals = [RATE_LIMITED]
    entries = await client.messages.send_many(LOBBY, ["one", "two", "three"])
    while server.refusals:
        await asyncio.sleep(0)
    await turns()
    assert sends(server) == ["one"]
    first, *others = [one.entry for one in client.messages.outgoing()]
    assert first.problem == "You are sending too fast."
    assert [entry.problem for entry in others] == ["", ""]
    desk.clock.advance(2.9)
    await turns()
    assert sends(server) == ["one"]
    desk.clock.advance(0.2)
    for entry in entries:
        assert entry.request is not None
        await client.messages.stored(entry.request)
    assert server.texts() == ["one", "two", "three"]


@pytest.mark.parametrize("code", [ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY_IN_FLIGHT])
async def test_whatever_makes_one_wait_keeps_the_order(
    code: ErrorCode, desk: Desk, server: FakeServer
) -> None:
    """A full disk for a moment, too: what was written later does not overtake."""
    client = await desk.open()
    server.refusals = [Error(code=code)]
    entries = await client.messages.send_many(LOBBY, ["one", "two"])
    while server.refusals:
        await asyncio.sleep(0)
    await turns()
    desk.clock.advance(10)
    for entry in entries:
        assert entry.request is not None
        await client.messages.stored(entry.request)
    assert server.texts() == ["one", "two"]


async def test_a_room_waits_for_no_other(desk: Desk, server: FakeServer) -> None:
    """The server is silent about one room's message; another room's goes out."""
    server.add_room(GARDEN, "garden")
    client = await desk.open()
    server.silent = True
    await client.messages.send_many(LOBBY, ["one", "two"])
    await turns()
    await client.messages.send(GARDEN, "of the garden")
    await turns()
    assert sends(server) == ["one", "of the garden"]
