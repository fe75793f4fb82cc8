# ruff: noqa: ASYNC110, S311 - the loop is turned by hand, with a clock and chance of the test's own
"""The connection's loop: when it tries again, how long it waits, and what stops it."""

import asyncio
from random import Random

import pytest
from tests.client.core.core_fake import FakeClock, FakeServer, FakeWire

from parlour_client.core.errors import ArchiveError
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import (
    CertificateError,
    ParlourClientError,
    PinChangedError,
    ServerMisbehavedError,
    SessionEndedError,
    UnreachableError,
)
from parlour_client.kit.transport.frame_socket import FrameSocket, SocketClosedError
from parlour_client.kit.transport.reconnector import LONGEST_WAIT, Reconnector
from parlour_protocol.frames import Hello
from parlour_protocol.kit.errors import GOING_AWAY, SESSION_ENDED, SESSION_EXPIRED, TOO_FAST


class Rig:
    """A connection whose conversations end as the test says."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.endings: list[ParlourClientError] = []
        self.lasting = 0.0
        self.states: list[LinkState] = []
        self.reconnector = Reconnector("test", self.clock, Random(3), self.heard)

    def heard(self, status: ConnectionStatus) -> None:
        self.states.append(status.state)

    async def dial(self) -> FakeWire:
        return await self.server.dial()

    def begin(self, socket: FrameSocket) -> ChatConversation:
        return ChatConversation(socket, self.clock)

    async def converse(self, _: ChatConversation, __: Hello) -> None:
        self.clock.time += self.lasting * 1000
        raise self.endings.pop(0)

    async def run(self, tries: int) -> None:
        """Run until it stopped, or waited so many times."""
        running = asyncio.ensure_future(self.reconnector.run(self.dial, self.begin, self.converse))
        while self.reconnector.status.state is not LinkState.STOPPED and len(self.clock.slept) < tries:
            self.clock.advance(100)
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    "error",
    [
        SessionEndedError("ended"),
        PinChangedError("changed"),
        CertificateError("expired"),
        ArchiveError("full"),
        SocketClosedError(SESSION_ENDED),
        SocketClosedError(SESSION_EXPIRED),
    ],
)
async def test_what_needs_the_person_stops_it(error: ParlourClientError) -> None:
    """No second try, and the problem is told."""
    rig = Rig()
    rig.endings = [error]
    await rig.run(5)
    assert rig.server.dials == 1
    assert rig.reconnector.status.state is LinkState.STOPPED
    assert rig.reconnector.status.problem


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("away"),
        ServerMisbehavedError("odd"),
        SocketClosedError(),
        SocketClosedError(GOING_AWAY),
        SocketClosedError(TOO_FAST),
    ],
)
async def test_everything_else_is_tried_again(error: ParlourClientError) -> None:
    """Each try dials again, which is what gets a fresh ticket (K10)."""
    rig = Rig()
    rig.endings = [error] * 10
    await rig.run(5)
    assert rig.server.dials == 5
    assert LinkState.STOPPED not in rig.states


async def test_the_waits_grow_to_a_limit_and_are_spread() -> None:
    """Short while a server may be restarting, then doubling; no two clients come back together."""
    rig = Rig()
    rig.endings = [UnreachableError("away")] * 20
    await rig.run(18)
    waits = rig.clock.slept
    most = [0.25, 0.5, *[1.0] * 8, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
    for longest, wait in zip(most, waits, strict=True):
        assert longest / 2 <= wait <= longest
    assert len({wait / longest for longest, wait in zip(most, waits, strict=True)}) == len(waits)


async def test_a_connection_that_lasted_starts_the_waiting_again() -> None:
    """Only a server that drops everyone at once is come back to slowly."""
    rig = Rig()
    rig.endings = [SocketClosedError()] * 20
    rig.lasting = 60
    await rig.run(8)
    assert all(wait <= 0.25 for wait in rig.clock.slept)


async def test_a_refused_dial_is_reported_with_the_time_to_the_next() -> None:
    """The status says why, and when it is tried again."""
    rig = Rig()
    rig.server.refuse_dial = UnreachableError("Nothing is listening at test.")
    running = asyncio.ensure_future(rig.reconnector.run(rig.dial, rig.begin, rig.converse))
    while rig.reconnector.status.state is not LinkState.OFFLINE or not rig.clock.slept:
        await asyncio.sleep(0)
    assert rig.reconnector.status.problem == "Nothing is listening at test."
    assert rig.reconnector.status.retry_in == rig.clock.slept[0]
    rig.reconnector.retry_now()
    while rig.server.dials < 2:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
