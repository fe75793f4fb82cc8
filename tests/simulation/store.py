"""One database for all simulated servers, and each server's way to it.

The store is the real one, over SQLite in memory. A read sees the database at some moment between its start
and its end. Writes go through the real `Writer`, without its thread: they gather while a transaction waits
for the disk, are committed at one moment, and their results arrive later. A read or a transaction may fail;
where the database is another process, nobody knows whether a failed transaction was committed.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest.mock import patch

from tests.server.chat.service.inline_store import InlineStore, MemoryEngine
from tests.simulation.loop import Scheduler, SimulatedLoop

from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind
from parlour_server.app.log.pages import read_page
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store import database as store_base
from parlour_server.core.store.engine.connection import Connection, Job, Outcome, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.schema import Schema

T = TypeVar("T")


class _DatabaseError(Exception):
    """The database could not be reached, or was lost during a transaction."""


class Database:
    """What is committed."""

    def __init__(self, schema: Schema, *, is_shared: bool) -> None:
        """``is_shared``: by several servers."""
        self.engine = MemoryEngine(schema)
        self.connection = self.engine.connection
        self.connection.is_shared = is_shared

    def committed(self) -> None:
        """Do nothing: called after each commit."""

    def column(self, query: str, *values: object) -> list[Any]:
        """Return the values of a query's only column."""
        return [value for (value,) in self.connection.execute(query, values)]


class ChatDatabase(Database):
    """The chat's, read and changed at once."""

    def __init__(self, clock: Clock, session_ended: Callable[[SessionId], None], *, is_shared: bool) -> None:
        """``session_ended`` is called with each end of a session."""
        super().__init__(SCHEMA, is_shared=is_shared)
        self.store = InlineStore(clock, self.engine)
        self._session_ended = session_ended
        self._noted = 0
        self._events: dict[RoomId, list[LogEvent]] = {}

    def committed(self) -> None:
        """Look which sessions a transaction ended."""
        found = self.connection.execute(
            "SELECT number, session FROM journal WHERE number > ? ORDER BY number", (self._noted,)
        ).fetchall()
        for number, session in found:
            self._noted = number
            if session is not None:
                self._session_ended(session)

    def is_live(self, session: SessionId) -> bool:
        """Return whether a session has not ended."""
        return bool(self.column("SELECT 1 FROM sessions WHERE session = ?", session))

    def rooms(self) -> list[RoomId]:
        """Return all rooms."""
        return self.column("SELECT room FROM rooms ORDER BY room")

    def kind(self, room: RoomId) -> RoomKind:
        """Return the kind of a room."""
        [kind] = self.column("SELECT kind FROM rooms WHERE room = ?", room)
        return RoomKind(kind)

    def members(self, room: RoomId) -> set[UserName]:
        """Return the members of a room."""
        return set(self.column("SELECT account FROM members WHERE room = ?", room))

    def head(self, room: RoomId) -> int:
        """Return the number of a room's newest event."""
        return next(iter(self.column("SELECT head FROM logs WHERE log = ?", room)), 0)

    def events(self, room: RoomId) -> Sequence[LogEvent]:
        """Return a room's log."""
        events = self._events.setdefault(room, [])
        while len(events) < self.head(room):
            after = Seq(len(events))
            kind = self.store.log.kind
            page = read_page(
                self.connection, kind, log=room, after=after, before=None, limit=200, max_bytes=10**6
            )
            events += page.entries
        return events


@dataclass
class StoreFaults:
    """How the database fails: probabilities, and the longest delay of one step in seconds."""

    read_fails: float = 0.0
    write_fails: float = 0.0
    delay: float = 0.002
    outcome_unknown: bool = False
    """A transaction may be committed although it failed, or its server was killed: the database is another
    process."""


class SimulatedEngine:
    """Runs a batch of writes on the database at one moment."""

    failures: tuple[type[Exception], ...] = (_DatabaseError, sqlite3.Error)

    def __init__(self, scheduler: Scheduler, faults: StoreFaults, database: Database) -> None:
        self._random = scheduler.random
        self._faults = faults
        self._database = database

    def connect_writer(self, *, announces: bool) -> WriteConnection:
        return self._database.engine.connect_writer(announces=announces)

    def is_damage(self, error: BaseException) -> bool:
        """Return whether a page is damaged: memory has none."""
        del error
        return False

    def run_batch(self, connection: Any, jobs: Sequence[Job]) -> list[Outcome]:
        fails = self._random.random() < self._faults.write_fails
        if fails and (not self._faults.outcome_unknown or self._random.random() < 0.5):
            raise _DatabaseError("unreachable")
        outcomes = self._database.engine.run_batch(connection, jobs)
        self._database.committed()
        if fails:
            raise _DatabaseError("lost after the commit")
        return outcomes


class SimulatedWriter(Writer):
    """The writer, whose thread is played by the scheduler."""

    def __init__(
        self,
        scheduler: Scheduler,
        loop: SimulatedLoop,
        clock: Clock,
        faults: StoreFaults,
        database: Database,
    ) -> None:
        engine: Any = SimulatedEngine(scheduler, faults, database)
        super().__init__(engine, clock, announces=False)
        self.database = database
        self._scheduler = scheduler
        self._faults = faults
        self._loop = self._simulated_loop = loop
        self._connection = engine.connect_writer(announces=False)
        self._open = True
        self._pumping = False

    def submit(
        self,
        write: Callable[[Any], T],
        *,
        within: str | None = None,
        then: Callable[[T], None] | None = None,
    ) -> "asyncio.Future[T]":
        future = super().submit(write, within=within, then=then)
        if not self._pumping and not self._jobs.empty():
            self._pumping = True
            self._later(self._begin)
        return future

    def _later(self, step: Callable[..., object], *args: object) -> None:
        self._scheduler.after(0.0, self._faults.delay, step, *args)

    def _begin(self) -> None:
        if self._simulated_loop.killed:
            return
        jobs, _ = self._take()
        self._later(self._commit, jobs)

    def _commit(self, jobs: list[Job]) -> None:
        if self._simulated_loop.killed and not self._faults.outcome_unknown:
            return
        self._later(self._end, self._write(jobs))

    def _end(self, outcomes: list[Outcome]) -> None:
        self._hand_to_loop(outcomes)
        self._pumping = not self._jobs.empty()
        if self._pumping:
            self._later(self._begin)


class SimulatedReaders(Readers):
    """The readers: a read takes a while, and may fail."""

    def __init__(self, scheduler: Scheduler, clock: Clock, faults: StoreFaults, database: Database) -> None:
        super().__init__(database.engine, clock)
        self._scheduler = scheduler
        self._faults = faults
        self._database = database

    async def run(self, read: Callable[[Connection], T]) -> T:
        chance = self._scheduler.random
        await asyncio.sleep(chance.random() * self._faults.delay)
        if chance.random() < self._faults.read_fails:
            raise UnavailableError("the database cannot be read")
        value = read(self._database.connection)
        await asyncio.sleep(chance.random() * self._faults.delay)
        return value


class NodeStore(ChatStore):
    """The store of one server."""

    def __init__(
        self,
        database: ChatDatabase,
        scheduler: Scheduler,
        loop: SimulatedLoop,
        clock: Clock,
        faults: StoreFaults,
    ) -> None:
        def writer(*_: object, **__: object) -> SimulatedWriter:
            return SimulatedWriter(scheduler, loop, clock, faults, database)

        def readers(*_: object) -> SimulatedReaders:
            return SimulatedReaders(scheduler, clock, faults, database)

        with patch.object(store_base, "Writer", writer), patch.object(store_base, "Readers", readers):
            super().__init__(database.engine, clock, tells_by_bus=True)
        self._incarnation = Incarnation("m" * 22)
