"""A room: who is heard, who is cut off, and with which close code."""

import asyncio
import json

import pytest
from argon2 import PasswordHasher

from parlour_protocol.kit.errors import (
    SESSION_ENDED,
    SESSION_EXPIRED,
    TOO_MANY_ERRORS,
    TOO_SLOW,
    MalformedFrameError,
)
from parlour_server.standalone import room
from parlour_server.standalone.logins import MemoryLogins
from parlour_server.standalone.room import NO_TICKET, ClosingError, Room, Welcome
from parlour_server.testing.clock import FakeClock

PASSWORD = "tigress-violin-marble"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Connection:
    """A framework's socket, in memory."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[str] = asyncio.Queue()
        self.sent: asyncio.Queue[str] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.code: int | None = None

    async def send(self, text: str) -> None:
        """Send, once they read."""
        await self.reads.wait()
        self.sent.put_nowait(text)

    async def close(self, code: int) -> None:
        """Close."""
        self.code = code

    async def run(self, room: Room) -> int | None:
        """Run to the end; return the close code."""
        async with asyncio.timeout(20):
            await room.run(self.texts.get, self.send, self.close)
        return self.code


class World:
    """A room with logins of ada."""

    def __init__(self, *, seconds: float = 3_600, first_frame_seconds: float = 20) -> None:
        self.clock = FakeClock()
        self.heard: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.logins = MemoryLogins(
            {"ada": HASHER.hash(PASSWORD)}, self.clock.monotonic, hasher=HASHER, session_seconds=seconds
        )
        self.room = Room(
            self.logins,
            self._hear,
            waiting=3,
            first_frame_seconds=first_frame_seconds,
        )
        self.bearer = ""

    def _hear(self, user: str, text: str) -> None:
        if self.error is not None:
            raise self.error
        self.heard.append((user, text))

    async def connect(self) -> tuple[Connection, "asyncio.Task[int | None]"]:
        """Connect as ada."""
        body = json.dumps({"username": "ada", "password": PASSWORD}).encode()
        self.bearer = "Bearer " + (await self.logins.answer("login", body, None, ""))["session"]
        ticket = (await self.logins.answer("ticket", b"", self.bearer, ""))["ticket"]
        connection = Connection()
        connection.texts.put_nowait(json.dumps({"type": "open", "ticket": ticket}))
        running = asyncio.create_task(connection.run(self.room))
        assert json.loads(await connection.sent.get()) == {"type": "welcome", "user": "ada"}
        return connection, running


async def test_nothing_is_heard_before_a_ticket() -> None:
    """Someone without one is closed, and gets nothing that is published."""
    world, stranger = World(), Connection()
    stranger.texts.put_nowait('{"type":"say"}')
    assert await stranger.run(world.room) == NO_TICKET
    world.room.publish(Welcome("all"))
    assert (world.heard, stranger.sent.qsize()) == ([], 0)


async def test_a_ticket_that_does_not_come() -> None:
    """The connection ends by itself."""
    assert await Connection().run(World(first_frame_seconds=0.01).room) == NO_TICKET


async def test_who_does_not_read_is_cut_off() -> None:
    """And others get all of it."""
    world = World()
    (slow, ends), (other, _) = await world.connect(), await world.connect()
    slow.reads.clear()
    for number in range(6):
        world.room.publish(Welcome(str(number)))
        assert json.loads(await other.sent.get())["user"] == str(number)
    assert await ends == TOO_SLOW


async def test_the_end_of_a_session_ends_its_connection() -> None:
    """By logging out."""
    world = World()
    _, ends = await world.connect()
    await world.logins.answer("logout", b"", world.bearer, "")
    assert await ends == SESSION_ENDED


async def test_a_session_that_expires_ends_its_connection() -> None:
    """Though nobody does anything."""
    _, ends = await World(seconds=0.2).connect()
    assert await ends == SESSION_EXPIRED


@pytest.mark.parametrize(
    ("error", "code"),
    [(ClosingError(4004), 4004), (MalformedFrameError(), TOO_MANY_ERRORS), (KeyError("bug"), 1011)],
)
async def test_what_a_fault_ends(error: Exception, code: int) -> None:
    """The connection, and no other."""
    world = World()
    (connection, ends), (other, goes_on) = await world.connect(), await world.connect()
    world.error = error
    connection.texts.put_nowait("{}")
    assert await ends == code
    world.room.publish(Welcome("all"))
    assert json.loads(await other.sent.get())["user"] == "all"
    goes_on.cancel()


async def test_a_close_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up: the program returns, so that the framework drops the connection."""
    monkeypatch.setattr(room, "_CLOSE_SECONDS", 0.01)
    connection = Connection()
    connection.close = lambda _: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    connection.texts.put_nowait("nonsense")
    assert await connection.run(World().room) is None
