"""The writer: one thread, one connection, and one commit for all waiting writes (group commit).

While one transaction waits for the disk, the next writes gather, so a hundred senders share one wait. The
queue is limited: a store that cannot keep up refuses at once (UnavailableError) and never blocks the event
loop. Results are handed to the loop once per batch, in the order of the commits.
"""

import asyncio
import logging
import sqlite3
import threading
from asyncio import Future
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, cast

from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import SetupError, UnavailableError
from parlour_server.kit.store.engine.connection import WriteConnection, cannot_open, connect_writer, scrub

Write = Callable[[WriteConnection], object]
"""One write. It may run twice, so it must change only the database."""

Job = tuple["Future[Any]", Write]
Outcome = tuple["Future[Any]", object, BaseException | None]
"""A job's future with its value, or with its error."""

# Errors of one statement belong to its write. All other errors of sqlite3 belong to the database.
_OWN_FAULT: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)


class _HalfDoneError(Exception):
    """A write failed after it started changing the database."""


def run_batch(connection: WriteConnection, jobs: Sequence[Job]) -> list[Outcome]:
    """Run the jobs in order and commit them; returns when they are on disk. Never raises."""
    try:
        try:
            return _commit(connection, jobs, careful=False)
        except _HalfDoneError:
            # Rare (writes refuse before they change anything), so savepoints are paid for only now.
            connection.execute("ROLLBACK")
            return _commit(connection, jobs, careful=True)
    except (sqlite3.Error, MemoryError) as error:
        roll_back(connection)
        return [(future, None, unavailable(error)) for future, _ in jobs]


def unavailable(cause: BaseException) -> UnavailableError:
    """Return the error for callers after a failure of the database."""
    error = UnavailableError(f"the database cannot be written: {cause}")
    error.__cause__ = cause
    return error


def roll_back(connection: WriteConnection) -> None:
    """Roll back, unless SQLite did so itself (as it does when the disk is full)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _commit(connection: WriteConnection, jobs: Sequence[Job], *, careful: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    connection.execute("BEGIN IMMEDIATE")
    for future, write in jobs:
        changes = connection.total_changes
        if careful:
            connection.execute("SAVEPOINT job")
        try:
            outcomes.append((future, write(connection), None))
        except Exception as error:  # last resort of the writer's thread
            if _is_the_databases(error):
                raise
            if careful:
                connection.execute("ROLLBACK TO job")
            elif connection.total_changes != changes:
                raise _HalfDoneError from error
            outcomes.append((future, None, error))
        if careful:
            connection.execute("RELEASE job")
    connection.execute("COMMIT")
    return outcomes


def _is_the_databases(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error | MemoryError) and not isinstance(error, _OWN_FAULT)


_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)

QUEUE: Final = 4096
"""Waiting and running writes; at 10,000 a second the last waits less than half a second."""
BATCH: Final = 512
"""Writes in one transaction, so that transactions stay short."""
SCRUB_SECONDS: Final = 1.0
"""How long after a deletion the old text may stay in the -wal file; deletions in between share the work."""


class Writer:
    """Runs writes, each a function of the connection, in the order of ``submit``."""

    def __init__(self, path: Path, clock: Clock, *, announces: bool = True) -> None:
        """Prepare for the database at ``path``; call ``open``. ``announces``: see ``WriteConnection``."""
        self._path = path
        self._announces = announces
        self._clock = clock
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting = 0
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._connection: WriteConnection | None = None
        self._failing = False
        self._scrub_at = 0.0

    async def open(self) -> None:
        """Connect and start the thread. Raises SetupError."""
        self._loop = asyncio.get_running_loop()
        try:
            self._connection = await asyncio.to_thread(self._connect)
        except sqlite3.Error as error:
            raise SetupError(cannot_open(self._path, error)) from error
        self._thread = threading.Thread(target=self._run, name="parlour-writer", daemon=True)
        self._thread.start()
        self._open = True

    def submit(self, write: Callable[[WriteConnection], _T]) -> "Future[_T]":
        """Queue a write. Its future completes when it is on disk. UnavailableError: the queue is full."""
        future: Future[_T] = self._loop.create_future()
        if not self._open or self._waiting >= QUEUE:
            why = "too many writes are waiting for the disk" if self._open else "the store is closed"
            future.set_exception(UnavailableError(why))
            return future
        self._waiting += 1
        self._jobs.put((cast("Future[Any]", future), write))
        return future

    async def close(self) -> None:
        """Write what is queued, then disconnect."""
        if not self._open:
            return
        self._open = False
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # What follows runs in the thread, but for _deliver.

    def _run(self) -> None:
        running = True
        while running:
            jobs, running = self._take()
            if jobs:
                self._hand_to_loop(self._write(jobs))
            self._scrub(now=not running)
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> WriteConnection:
        connection = connect_writer(self._path)
        connection.announces = self._announces
        return connection

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for writes and take up to a batch of them; False when closing."""
        jobs: list[Job] = []
        try:
            job = self._jobs.get(timeout=self._patience())
            while job is not None:
                jobs.append(job)
                if len(jobs) >= BATCH:
                    return jobs, True
                job = self._jobs.get_nowait()
        except Empty:
            return jobs, True
        return jobs, False

    def _patience(self) -> float | None:
        """Return how long to wait for work: without limit, unless the -wal file must be scrubbed."""
        if self._connection is None or not self._connection.stale_wal:
            return None
        return max(0.0, self._scrub_at - self._clock.monotonic())

    def _write(self, jobs: list[Job]) -> list[Outcome]:
        outcomes: list[Outcome]
        try:
            connection = self._connection or self._connect()
            self._connection = connection
            outcomes = run_batch(connection, jobs)
        except sqlite3.Error as error:
            # Not even a rollback works: drop the connection, the next batch opens a new one.
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            outcomes = [(future, None, unavailable(error)) for future, _ in jobs]
        self._note(outcomes)
        return outcomes

    def _note(self, outcomes: list[Outcome]) -> None:
        """Log when writing begins to fail, and when it works again."""
        error = outcomes[0][2]
        failing = isinstance(error, UnavailableError)
        if failing and not self._failing:
            _log.error("the store cannot write: %s", error)
        elif self._failing and not failing:
            _log.warning("the store writes again")
        self._failing = failing

    def _hand_to_loop(self, outcomes: list[Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._deliver, outcomes)
        except RuntimeError:  # the loop is closed: no one is waiting
            _log.debug("%d results after the end of the loop", len(outcomes))

    def _deliver(self, outcomes: list[Outcome]) -> None:
        self._waiting -= len(outcomes)
        for future, value, error in outcomes:
            if future.done():  # the waiting task was cancelled; the write was done all the same
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    def _scrub(self, *, now: bool) -> None:
        """Empty the -wal file after deletions: it holds the pages as they were before (K2)."""
        connection = self._connection
        if connection is None or not connection.stale_wal:
            return
        if not now and self._clock.monotonic() < self._scrub_at:
            return
        self._scrub_at = self._clock.monotonic() + SCRUB_SECONDS
        try:
            scrub(connection)
        except sqlite3.Error as error:
            _log.error("deleted text cannot be scrubbed from the -wal file: %s", error)
