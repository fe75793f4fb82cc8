"""The readers: a few threads, each with a connection of its own that cannot write.

Reads never run in the event loop and never wait for a write (WAL). What waits is bounded: beyond that a
read is refused at once (UnavailableError). Called by every part of the store that only looks.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from parlour_server.errors import UnavailableError
from parlour_server.store.sqlite.connection import connect_reader

_T = TypeVar("_T")

THREADS: Final = 4
"""Reads at once: they share the interpreter, so more threads would only wait for each other."""
QUEUE: Final = 4096
"""Reads that wait or run."""


class Readers:
    """Runs reads, each a function of a connection."""

    def __init__(self, path: Path) -> None:
        """Prepare for the database at ``path``; connections are made when they are needed."""
        self._path = path
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="parlour-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._waiting = 0
        self._open = True

    async def run(self, read: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run ``read`` in a thread. Raises UnavailableError."""
        if not self._open or self._waiting >= QUEUE:
            raise UnavailableError("too many reads wait" if self._open else "the store is closed")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Wait for the reads that run, then disconnect."""
        self._open = False
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _read(self, read: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return read(self._connection())
        except sqlite3.Error as error:
            self._give_up()
            raise UnavailableError(f"the database cannot be read: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect_reader(self._path)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def _give_up(self) -> None:
        """Close this thread's connection, so that the next read tries a new one."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self._connections.remove(connection)
            connection.close()
