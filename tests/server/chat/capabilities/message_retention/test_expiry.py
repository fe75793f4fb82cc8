"""What a running server does about old messages: by which time they go, and what it says of it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from tests.server.chat.store.world import FakeClock, World, message
from tests.server.fakes import ReadableAudit

from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.capabilities.message_retention import expiry as message_expiry
from parlour_server.chat.capabilities.message_retention.expiry import ExpiryEvent, MessageExpiry, expire_now
from parlour_server.chat.capabilities.message_retention.settings import KeepSettings
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.hooks import ChatHooks
from parlour_server.chat.store.chat_store import ChatStore

DAY = 86_400_000
SETTINGS = KeepSettings(keep_days=7)


@dataclass
class Server:
    """A store whose messages expire, by a clock that the test moves."""

    world: World
    clock: FakeClock
    removed: list[str]
    hooks: ChatHooks
    expiry: MessageExpiry

    async def room(self) -> tuple[RoomId, UserName]:
        """Make a room with one message."""
        alice = await self.world.account("alice")
        room = await self.world.room(alice)
        await self.world.append(room, alice, message("old"))
        return room, alice

    async def texts(self, room: RoomId) -> list[str]:
        """Return the texts that the room has."""
        bodies = [event.body for event in await self.world.events(room)]
        return [str(body.text) for body in bodies if isinstance(body, Message)]

    async def pass_days(self, days: int) -> int:
        """Let time pass as for a server that looks all the time; returns how many rooms lost something."""
        lost = 0
        for _ in range(2 * days):
            self.clock.wall += DAY // 2
            lost += await self.expiry.sweep()
        return lost


@pytest.fixture
def server(store: ChatStore, audit: ReadableAudit) -> Server:
    """Return a server that keeps messages for a week."""
    clock = FakeClock()
    removed: list[str] = []
    hooks = ChatHooks(content_removed=[lambda: removed.append("told")])
    expiry = MessageExpiry(RetentionStore(store), SETTINGS, hooks, clock, audit)
    return Server(World(store, clock), clock, removed, hooks, expiry)


async def test_old_messages_go_and_it_is_recorded(server: Server, audit: ReadableAudit) -> None:
    """With the number of rooms; what was theirs is looked for at once."""
    room, alice = await server.room()
    assert await server.pass_days(6) == 0
    await server.world.append(room, alice, message("young"))
    assert (audit.events, server.removed) == ([], [])
    assert await server.pass_days(1) == 1
    assert await server.texts(room) == ["young"]
    assert audit.events == [(ExpiryEvent.MESSAGES_EXPIRED, {"rooms": 1})]
    assert server.removed == ["told"]


def held(own_logs: list[dict[str, Any]]) -> list[int]:
    """Return how many hours the clock was ahead, in each warning."""
    return [line["ahead_hours"] for line in own_logs if line["event"] == "retention_held"]


async def test_a_clock_that_leaps_ahead_removes_nothing(
    server: Server, own_logs: list[dict[str, Any]]
) -> None:
    """It is said once, and after a day of looks the clock is believed; the next leap is said again."""
    room, _ = await server.room()
    await server.pass_days(4)  # from now on the week is in force
    server.clock.wall += 400 * DAY
    for _ in range(24):
        assert await server.expiry.sweep() == 0
        assert await server.texts(room) == ["old"]
        assert held(own_logs) == [400 * 24]
        server.clock.wall += DAY // 24
    assert await server.expiry.sweep() == 1
    assert await server.texts(room) == []
    server.clock.wall += 2 * DAY
    await server.expiry.sweep()
    assert held(own_logs) == [400 * 24, 48]


async def test_a_command_goes_by_the_same_clock(server: Server) -> None:
    """`disk prune` on a machine whose clock is wrong removes nothing either."""
    room, _ = await server.room()
    await server.pass_days(4)
    server.clock.wall += 400 * DAY
    assert await expire_now(RetentionStore(server.world.store), SETTINGS, server.clock) == 0
    assert await server.texts(room) == ["old"]


async def test_a_server_that_keeps_everything_removes_nothing(server: Server, audit: ReadableAudit) -> None:
    """0 is the default, and not the shortest time there is."""
    room, _ = await server.room()
    retention = RetentionStore(server.world.store)
    server.expiry = MessageExpiry(retention, KeepSettings(), server.hooks, server.clock, audit)
    assert await server.pass_days(30) == 0
    assert await server.texts(room) == ["old"]


async def test_a_store_that_cannot_be_used_is_tried_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failure is a line; nothing ends."""
    lines = asyncio.Queue[str]()
    monkeypatch.setattr(message_expiry, "warn", lambda event, **_fields: lines.put_nowait(event))
    monkeypatch.setattr(message_expiry, "EVERY_SECONDS", 0)
    await server.world.store.close()
    running = asyncio.create_task(server.expiry.run())
    async with asyncio.timeout(60):
        assert [await lines.get() for _ in range(2)] == ["messages_not_removed"] * 2
    running.cancel()
    await asyncio.wait([running])
