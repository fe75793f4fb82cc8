"""The chat's store over SQLite in memory, without threads: for tests that say what happens when.

A write is committed and a read is done when it is asked for; what comes of it arrives with the next turn of
the loop. Reads can be held, so that a test lets something happen between the moment at which a fact was read
and the moment at which it arrives.
"""

import asyncio
import sqlite3
import tempfile
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from unittest.mock import patch

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Seq
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capability import store_parts_of
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent, AppendEvent
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store import database
from parlour_server.core.store.engine.connection import Connection, Job, Outcome, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine, SqliteWriteConnection
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.schema import Schema
from parlour_server.host.setup import migrate

_T = TypeVar("_T")
_READS: Final = {
    "sessions": ("list",),
    "rooms": ("greeting", "summary", "membership", "members", "pins", "directory"),
    "log": ("page", "heads"),
    "consent": ("invitations", "invitation"),
    "groups": ("rooms_of",),
}
"""The reads that a test can hold, count and let fail, by the part of the store that has them."""


@cache
def _new_database(schema: Schema) -> bytes:
    """Make a new database, once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parlour.db"
        migrate.create(path, schema)
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = DELETE")  # there is no write-ahead log in memory
            return db.serialize()


class _OnlyConnection(SqliteWriteConnection):
    """The connection that is the database: it stays open."""

    def close(self) -> None:
        """Do nothing."""


class MemoryEngine(SqliteEngine):
    """A new database in memory, with one connection for everything."""

    def __init__(self, schema: Schema = CHAT.schema) -> None:
        super().__init__(Path(":memory:"))
        self.connection = sqlite3.connect(
            ":memory:", isolation_level=None, cached_statements=256, factory=_OnlyConnection
        )
        self.connection.deserialize(_new_database(schema))
        self.connection.execute("PRAGMA foreign_keys = ON")

    def connect_writer(self, *, announces: bool) -> SqliteWriteConnection:
        self.connection.announces = announces
        return self.connection


class _NoLoop(AbstractEventLoop):
    """What a future belongs to that no one waits for."""

    def get_debug(self) -> bool:
        return False

    def call_soon(self, callback: Callable[..., object], *args: Any, **_: Any) -> Any:
        callback(*args)


class InlineWriter(Writer):
    """Commits a write when it is submitted."""

    def __init__(self, engine: MemoryEngine, clock: Clock, *, announces: bool) -> None:
        super().__init__(engine, clock, announces=announces)
        self._only = engine.connect_writer(announces=announces)
        self.is_down = False
        self.at_once = False
        """What comes of a write is there when it is submitted."""

    def submit(
        self,
        write: Callable[[WriteConnection], _T],
        *,
        within: str | None = None,
        then: Callable[[_T], None] | None = None,
    ) -> "Future[_T]":
        self._loop = _NoLoop() if self.at_once else asyncio.get_running_loop()
        future: Future[_T] = Future(loop=self._loop)
        job = Job(cast("Future[Any]", future), write, within, then=then)
        if self.is_down:
            outcomes: list[Outcome] = [(job, None, UnavailableError("down"))]
        else:
            outcomes = self._engine.run_batch(self._only, [job])
        self.waiting += 1
        if self.at_once:
            self._deliver(outcomes)
        else:
            self._loop.call_soon(self._deliver, outcomes)
        return future


class InlineReaders(Readers):
    """Reads when it is asked."""

    def __init__(self, engine: MemoryEngine, clock: Clock) -> None:
        super().__init__(engine, clock)
        self._connection = engine.connection
        self.is_down = False
        self.at_once = False

    async def run(self, read: Callable[[Connection], _T]) -> _T:
        value = read(self._connection)
        if not self.at_once:
            await asyncio.sleep(0)
        if self.is_down:
            raise UnavailableError("down")
        return value


class InlineStore(ChatStore):
    """The store, whose reads can be held and counted."""

    def __init__(self, clock: Clock, engine: MemoryEngine | None = None) -> None:
        with (
            patch.object(database, "Writer", InlineWriter),
            patch.object(database, "Readers", InlineReaders),
        ):
            super().__init__(
                engine or MemoryEngine(), clock, tells_by_bus=True, parts=store_parts_of(CHAT_CAPABILITIES)
            )
        self._incarnation = Incarnation("m" * 22)
        self._inline = (cast("InlineWriter", self._writer), cast("InlineReaders", self._readers))
        self.reads: list[str] = []
        self._held: dict[str, asyncio.Event] = {}
        for part, names in _READS.items():
            for name in names:
                setattr(getattr(self, part), name, self._watched(name, getattr(getattr(self, part), name)))

    def _watched(
        self, name: str, read: Callable[..., Coroutine[Any, Any, _T]]
    ) -> Callable[..., Coroutine[Any, Any, _T]]:
        async def watched(*args: Any, **more: Any) -> _T:
            self.reads.append(name)
            value = await read(*args, **more)
            if name in self._held:
                await self._held[name].wait()
                if self.down:
                    raise UnavailableError("down")
            return value

        return watched

    def hold(self, read: str) -> asyncio.Event:
        """Let reads of this name end only when the returned event is set."""
        self._held[read] = asyncio.Event()
        return self._held[read]

    def part_with(self, read: str) -> Any:
        """Return the part of the store that has a read of this name."""
        return next(getattr(self, part) for part, names in _READS.items() if read in names)

    @property
    def down(self) -> bool:
        """Whether nothing can be read or written."""
        return self._inline[0].is_down

    @down.setter
    def down(self, down: bool) -> None:
        for part in self._inline:
            part.is_down = down

    # At once: what a test does beside the chat takes no turn of the loop.

    def at_once(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return what a coroutine of the store returns."""
        self._set_at_once(True)
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
        finally:
            self._set_at_once(False)
        raise AssertionError("it waited")

    def _set_at_once(self, at_once: bool) -> None:  # noqa: FBT001 - as it says
        for part in self._inline:
            part.at_once = at_once

    def commit(self, event: AppendEvent) -> AppendedEvent:
        """Append an event as another process does: no one decides on it, and no one here is told."""

        async def append() -> AppendedEvent:
            return await self.log.append(event, lambda *_: None)

        tell, self.log.on_appended = self.log.on_appended, None
        try:
            return self.at_once(append())
        finally:
            self.log.on_appended = tell

    def head(self, room: RoomId) -> Seq:
        """Return the number of the room's newest event."""
        return self._number("SELECT head FROM logs WHERE log = ?", room)

    def member_count(self, room: RoomId) -> int:
        """Return how many members a room has."""
        return self._number("SELECT count(*) FROM members WHERE room = ?", room)

    def _number(self, query: str, room: RoomId) -> Any:
        return self.at_once(self._readers.row(int, query, room))
