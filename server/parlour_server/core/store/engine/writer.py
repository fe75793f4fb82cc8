"""The writer: one thread, one connection, and one commit for all waiting writes (group commit).

While one transaction waits for the disk, the next writes gather, so a hundred senders share one wait. The
queue is limited: a store that cannot keep up refuses at once (UnavailableError) and never blocks the event
loop. Results are handed to the loop once per batch, in the order of the commits.
"""

import asyncio
import logging
import threading
import time
from asyncio import Future
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from parlour_server.core.clock import Clock
from parlour_server.core.errors import OutcomeUnknownError, UnavailableError
from parlour_server.core.histogram import Histogram
from parlour_server.core.store.engine.connection import Engine, Job, Outcome, WriteConnection, unavailable

if TYPE_CHECKING:
    from parlour_server.core.observer import Observer

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)

QUEUE: Final = 4096
"""Waiting and running writes; at 10,000 a second the last waits less than half a second."""
BATCH: Final = 512
"""Writes in one transaction, so that transactions stay short."""
SCRUB_SECONDS: Final = 1.0
"""How long after a deletion the old text may stay in the -wal file; deletions in between share the work."""


_COMMIT_BOUNDS: Final = (0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_BATCH_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, BATCH)


class Writer:
    """Runs writes, each a function of the connection, in the order of ``submit``."""

    def __init__(self, engine: Engine, clock: Clock, *, announces: bool = True) -> None:
        """Prepare to write; call ``open``. ``announces``: see ``WriteConnection``."""
        self._engine = engine
        self._announces = announces
        self._clock = clock
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.waiting = 0
        """Writes that wait or run."""
        self.refused = 0
        """Writes that were refused, because too many waited."""
        self.failed = 0
        """Transactions that stored nothing, or whose outcome is unknown."""
        self.commits = Histogram(_COMMIT_BOUNDS)
        """Seconds that transactions took, the wait for the disk included."""
        self.batches = Histogram(_BATCH_BOUNDS)
        """Writes in a transaction."""
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._connection: WriteConnection | None = None
        self.is_failing = False
        """The newest transaction failed."""
        self.is_damaged = False
        """A write found damage: it stays so until a restart, because other writes may still succeed."""
        self._scrub_at = 0.0
        self.observer: Observer | None = None
        """Set by a server that has one."""

    async def open(self) -> None:
        """Connect and start the thread. Raises SetupError."""
        self._loop = asyncio.get_running_loop()
        self._connection = await asyncio.to_thread(self._connect)
        self._thread = threading.Thread(target=self._run, name="parlour-writer", daemon=True)
        self._thread.start()
        self._open = True

    def submit(
        self,
        write: Callable[[WriteConnection], _T],
        *,
        within: str | None = None,
        then: Callable[[_T], None] | None = None,
    ) -> "Future[_T]":
        """Queue a write. Its future completes when it is on disk. UnavailableError: the queue is full.

        No other write of any server runs beside one without ``within``. With it (the name of a log), only
        those within the same log don't: it decides by what belongs to this log, and changes nothing else.
        ``ANYWHERE`` is for a write that decides nothing by what it reads.

        ``then`` is called with the value when it is on disk, right after the future's callbacks, in the order
        of the writes, and also if no one waits for the future any more. It must not raise.
        """
        future: Future[_T] = self._loop.create_future()
        if not self._open or self.waiting >= QUEUE:
            self.refused += 1
            why = "too many writes are waiting for the disk" if self._open else "the store is closed"
            future.set_exception(UnavailableError(why))
            return future
        self.waiting += 1
        if self._announces:
            within = None  # its events are added to the journal, whose numbers are in the order of commits
        request = None if self.observer is None else self.observer.current()
        self._jobs.put(Job(cast("Future[Any]", future), write, within, request, then))
        return future

    async def close(self) -> None:
        """Write what is queued, then disconnect."""
        if not self._open:
            return
        self._open = False
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # What comes here runs in the thread, but for _deliver and _follow.

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
        return self._engine.connect_writer(announces=self._announces)

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
        failure: UnavailableError | None = None
        outcomes: list[Outcome] = []
        started, at = time.perf_counter(), time.time_ns()
        try:
            connection = self._connection or self._connect()
            self._connection = connection
            outcomes = self._engine.run_batch(connection, jobs)
        except OutcomeUnknownError as error:
            failure = error
        except self._engine.failures as error:
            failure = unavailable(error)
        if failure is not None:
            # Drop the connection; the next batch opens a new one.
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            outcomes = [(job, None, failure) for job in jobs]
        self.commits.observe(time.perf_counter() - started)
        self.batches.observe(len(jobs))
        self._note(outcomes)
        if self.observer is not None:
            self.observer.committed([job.request for job in jobs], at, failed=self.is_failing)
        return outcomes

    def _note(self, outcomes: list[Outcome]) -> None:
        """Log when writing begins to fail, and when it works again."""
        error = outcomes[0][2]
        failing = isinstance(error, UnavailableError)
        if error is not None and self._engine.is_damage(error.__cause__ or error):
            self.is_damaged = True
        self.failed += failing
        if failing and not self.is_failing:
            _log.error("the store cannot write: %s", error)
        elif self.is_failing and not failing:
            _log.warning("the store writes again")
        self.is_failing = failing

    def _hand_to_loop(self, outcomes: list[Outcome]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._deliver, outcomes)
        except RuntimeError:  # the loop is closed: no one is waiting
            _log.debug("%d results after the end of the loop", len(outcomes))

    def _deliver(self, outcomes: list[Outcome]) -> None:
        self.waiting -= len(outcomes)
        following: list[tuple[Callable[[Any], None], object, Any]] = []
        for job, value, error in outcomes:
            if error is None and job.then is not None:
                following.append((job.then, value, job.request))
            if job.future.done():  # the waiting task was cancelled; the write was done all the same
                continue
            if error is None:
                job.future.set_result(value)
            else:
                job.future.set_exception(error)
        if following:
            self._loop.call_soon(self._follow, following)

    def _follow(self, following: list[tuple[Callable[[Any], None], object, Any]]) -> None:
        for then, value, request in following:
            if self.observer is None or request is None:
                then(value)
            else:
                with self.observer.within(request):
                    then(value)

    def _scrub(self, *, now: bool) -> None:
        """Empty the -wal file after deletions: it holds the pages as they were before (K2)."""
        connection = self._connection
        if connection is None or not connection.stale_wal:
            return
        if not now and self._clock.monotonic() < self._scrub_at:
            return
        self._scrub_at = self._clock.monotonic() + SCRUB_SECONDS
        try:
            connection.scrub()
        except self._engine.failures as error:
            _log.error("deleted text cannot be scrubbed from the -wal file: %s", error)
