"""The readers: a few threads, each with its own read-only connection.

Reads never run in the event loop and never wait for a write (WAL). The queue is limited: beyond that a read
is refused at once (UnavailableError). Reads from one turn of the loop are handed over together, and so are
their results, because waking a thread costs more than a small read.
"""

import asyncio
import logging
import threading
from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from parlour_server.core.clock import Clock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store.engine.connection import Connection, Engine

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)
_Read = Callable[[Connection], Any]
_Job = tuple[Future[Any], _Read]
_Outcome = tuple[Future[Any], Any, BaseException | None]

THREADS: Final = 4
"""Reader threads: they share the interpreter, so more would only wait for each other."""
QUEUE: Final = 4096
"""Waiting and running reads."""
TOGETHER: Final = 8
"""Reads handed to one thread at once: this many may wait for a slow one."""
_LOG_EVERY: Final = 60.0


class Readers:
    """Runs reads, each a function of a connection."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """Prepare to read; threads and connections are created on demand."""
        self._engine = engine
        self._clock = clock
        self._quiet_until = 0.0
        self._asked: list[_Job] = []
        self._jobs: SimpleQueue[Sequence[_Job] | None] = SimpleQueue()
        self._done: deque[_Outcome] = deque()
        self._delivery_scheduled = False
        self._threads: list[threading.Thread] = []
        self.waiting = 0
        """Reads that wait or run."""
        self.refused = 0
        """Reads that were refused, because too many waited."""
        self.is_damaged = False
        """A read found damage: it stays so until a restart, because other reads may still succeed."""
        self._open = True
        self._loop: asyncio.AbstractEventLoop

    async def run(self, read: Callable[[Connection], _T]) -> _T:
        """Run ``read`` in a thread. Raises UnavailableError."""
        if not self._open or self.waiting >= QUEUE:
            self.refused += 1
            raise UnavailableError("too many reads are waiting" if self._open else "the store is closed")
        if not self._threads:
            self._start()
        future: Future[_T] = self._loop.create_future()
        self.waiting += 1
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append((future, read))
        return await future

    async def row(self, make: Callable[..., _T], query: str, *values: object) -> _T | None:
        """Return what ``make`` makes of the first row of a query, None if there is none."""

        def read(db: Connection) -> _T | None:
            found = db.execute(query, values).fetchone()
            return None if found is None else make(*found)

        return await self.run(read)

    async def rows(self, make: Callable[..., _T], query: str, *values: object) -> list[_T]:
        """Return what ``make`` makes of each row of a query."""

        def read(db: Connection) -> list[_T]:
            return [make(*found) for found in db.execute(query, values)]

        return await self.run(read)

    async def close(self) -> None:
        """Wait for pending reads, then disconnect."""
        self._open = False
        self._hand_over()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._threads.clear()

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, name=f"parlour-reader-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _hand_over(self) -> None:
        """Hand the reads of this turn of the loop to the threads."""
        asked, self._asked = self._asked, []
        for start in range(0, len(asked), TOGETHER):
            self._jobs.put(asked[start : start + TOGETHER])

    def _deliver(self) -> None:
        """Complete the futures of finished reads."""
        self._delivery_scheduled = False  # before the list is read: later results schedule again
        while self._done:
            future, value, error = self._done.popleft()
            self.waiting -= 1
            if future.done():  # the waiting task was cancelled
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    # What follows runs in the threads.

    def _work(self) -> None:
        connection: Connection | None = None
        while (jobs := self._jobs.get()) is not None:
            for future, read in jobs:
                value: Any = None
                error: BaseException | None = None
                try:
                    if connection is None:
                        connection = self._engine.connect_reader()
                        value = read(connection)
                    else:
                        connection, value = self._read(connection, read)
                except self._engine.failures as failure:
                    # This connection may be broken: the next read opens another.
                    if connection is not None:
                        connection.close()
                        connection = None
                    error = UnavailableError(f"the database cannot be read: {failure}")
                    error.__cause__ = failure
                    self.is_damaged = self.is_damaged or self._engine.is_damage(failure)
                    self._log(failure)
                except BaseException as failure:  # noqa: BLE001 - whatever a read raises is its caller's
                    error = failure
                self._done.append((future, value, error))
            self._schedule_delivery()
        if connection is not None:
            connection.close()

    def _read(self, connection: Connection, read: Callable[[Connection], _T]) -> tuple[Connection, _T]:
        """Read; again with a new connection if the database ended this one, as it does when it restarts."""
        try:
            return connection, read(connection)
        except self._engine.failures:
            if not connection.is_lost:
                raise
        connection = self._engine.connect_reader()
        try:
            return connection, read(connection)
        except BaseException:
            connection.close()
            raise

    def _log(self, failure: Exception) -> None:
        """Log at most once a minute: a damaged page fails each read that needs it."""
        now = self._clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _LOG_EVERY
            _log.error("the database cannot be read (`parlour-server doctor` looks it over): %s", failure)

    def _schedule_delivery(self) -> None:
        if self._delivery_scheduled:
            return  # the loop will find this one as well
        self._delivery_scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed: no one is waiting
            self._done.clear()
