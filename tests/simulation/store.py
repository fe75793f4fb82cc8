"""One database for all simulated servers, and each server's way to it.

The rooms are those of `tests/server/chat/memory.py`. A read sees the database at some moment between its
start and its end. Writes go through the real `Writer`, without its thread: they gather while a transaction
waits for the disk, are committed at one moment, and their results arrive later. A read or a transaction may
fail; where the database is another process, nobody knows whether a failed transaction was committed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.server.chat.memory import MemoryStore
from tests.simulation.loop import Scheduler, SimulatedLoop

from parlour_protocol.frames.bodies import concerned
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.kit.ids import SessionId
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import RefusedError, UnavailableError
from parlour_server.kit.store.engine.connection import Job, Outcome
from parlour_server.kit.store.engine.writer import Writer
from parlour_server.kit.store.records import JournalEntry, SessionEnded
from parlour_server.store.types import (
    Appended,
    AppendEvent,
    ConsentRecorded,
    Decide,
    MadeRoom,
    NewRoom,
    RoomAdvanced,
)

T = TypeVar("T")


class _DatabaseError(Exception):
    """The database could not be reached, or was lost during a transaction."""


class Database(MemoryStore):
    """What is committed. Its coroutines end without waiting."""

    def __init__(self, session_ended: Callable[[SessionId], None]) -> None:
        """``session_ended`` is called with each end of a session."""
        super().__init__()
        self.entries: list[JournalEntry] = []
        self._session_ended = session_ended

    async def _after(self, read: str, value: Any) -> Any:
        del read
        return value

    def add_entry(self, what: object) -> None:
        """Append to the journal."""
        self.entries.append(JournalEntry(len(self.entries) + 1, what))

    def end_session(self, session: SessionId) -> None:
        """End a session, so that it opens no more connections."""
        for user, records in self.live.items():
            if any(record.id == session for record in records):
                self.live[user] = [record for record in records if record.id != session]
                self.add_entry(SessionEnded(session, user))
                self._session_ended(session)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that does not wait."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


@dataclass
class StoreFaults:
    """How the database fails: probabilities, and the longest delay of one step in seconds."""

    read_fails: float = 0.0
    write_fails: float = 0.0
    delay: float = 0.002
    outcome_unknown: bool = False
    """A transaction may be committed although it failed, or its server was killed: the database is another
    process."""


class _MemoryEngine:
    """Runs a batch of writes on the database at one moment."""

    failures: tuple[type[Exception], ...] = (_DatabaseError,)
    stale_wal = False

    def __init__(self, scheduler: Scheduler, faults: StoreFaults) -> None:
        self._random = scheduler.random
        self._faults = faults

    def connect_writer(self, *, announces: bool) -> Any:
        del announces
        return self

    def close(self) -> None:
        """Nothing to close."""

    def is_damage(self, error: BaseException) -> bool:
        """Return whether a page is damaged: memory has none."""
        del error
        return False

    def run_batch(self, connection: Any, jobs: Sequence[Job]) -> list[Outcome]:
        fails = self._random.random() < self._faults.write_fails
        if fails and (not self._faults.outcome_unknown or self._random.random() < 0.5):
            raise _DatabaseError("unreachable")
        outcomes: list[Outcome] = []
        for job in jobs:
            try:
                outcomes.append((job.future, job.run(connection), None))
            except RefusedError as error:
                outcomes.append((job.future, None, error))
        if fails:
            raise _DatabaseError("lost after the commit")
        return outcomes


class SimulatedWriter(Writer):
    """The writer, whose thread is played by the scheduler."""

    def __init__(self, scheduler: Scheduler, loop: SimulatedLoop, clock: Clock, faults: StoreFaults) -> None:
        engine: Any = _MemoryEngine(scheduler, faults)
        super().__init__(engine, clock, announces=False)
        self._scheduler = scheduler
        self._faults = faults
        self._loop = self._simulated_loop = loop
        self._connection = engine
        self._open = True
        self._pumping = False

    def submit(self, write: Callable[[Any], T], *, within: str | None = None) -> "asyncio.Future[T]":
        future = super().submit(write, within=within)
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


class NodeStore:
    """The database as one server reaches it, as far as the simulated requests need it."""

    incarnation = MemoryStore.incarnation

    @property
    def accounts(self) -> Any:
        """The parts of the store are the store."""
        return self

    rooms = log = journal = consent = reports = accounts

    def __init__(
        self,
        database: Database,
        scheduler: Scheduler,
        loop: SimulatedLoop,
        clock: Clock,
        faults: StoreFaults,
        *,
        announces: bool,
    ) -> None:
        """``announces``: servers learn from the journal of changes by others."""
        self._announces = announces
        self._database = database
        self._scheduler = scheduler
        self._faults = faults
        self._writer = SimulatedWriter(scheduler, loop, clock, faults)

    async def _read(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        chance = self._scheduler.random
        await asyncio.sleep(chance.random() * self._faults.delay)
        if chance.random() < self._faults.read_fails:
            raise UnavailableError("the database cannot be read")
        value = at_once(work())
        await asyncio.sleep(chance.random() * self._faults.delay)
        return value

    # reads

    async def head(self) -> int:
        return len(self._database.entries)

    async def since(self, number: int) -> Sequence[JournalEntry]:
        async def entries() -> Sequence[JournalEntry]:
            return self._database.entries[number:]

        return await self._read(entries)

    async def greeting(self, *of: Any) -> Any:
        return await self._read(lambda: self._database.greeting(*of))

    async def summary(self, *of: Any) -> Any:
        return await self._read(lambda: self._database.summary(*of))

    async def membership(self, *of: Any) -> Any:
        return await self._read(lambda: self._database.membership(*of))

    async def members(self, *of: Any, **options: Any) -> Any:
        return await self._read(lambda: self._database.members(*of, **options))

    async def invitation(self, *of: Any) -> Any:
        return await self._read(lambda: self._database.invitation(*of))

    async def page(self, *of: Any, **options: Any) -> Any:
        return await self._read(lambda: self._database.page(*of, **options))

    async def heads(self, *of: Any) -> Any:
        return await self._read(lambda: self._database.heads(*of))

    # writes

    def append(self, event: AppendEvent, decide: Decide) -> "asyncio.Future[Appended]":
        def write(_: object) -> Appended:
            appended = self._database.commit(event, decide)
            if not appended.replay:
                self._note(appended.event)
            return appended

        return self._writer.submit(write)

    def _note(self, event: LogEvent) -> None:
        """Add what the stores of several servers add: whose membership or invitation an event changes."""
        who = concerned(event.body, event.author)
        if self._announces and who is not None:
            self._database.add_entry(RoomAdvanced(event.room, event.seq, who))

    async def create(self, new: NewRoom) -> Any:
        def write(_: object) -> MadeRoom:
            made = at_once(self._database.create(new))
            for event in made.events:
                self._note(event)
            if self._announces:
                self._database.add_entry(ConsentRecorded(new.peer or new.author, made.room))
            return made

        return await self._writer.submit(write)

    async def end_session(self, session: SessionId) -> None:
        """End a session."""
        await self._writer.submit(lambda _: self._database.end_session(session))

    # consent is that of the memory store, at once

    async def accept_direct(self, *of: Any) -> Any:
        return await self._database.accept_direct(*of)

    async def find(self, user: Any) -> Any:
        return await self._database.find(user)
