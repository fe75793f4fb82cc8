"""Runs many writes as one transaction: one wait for the disk, shared by all of them.

A write that refuses, or fails, changes nothing and disturbs none of the others; a failure of the database
(disk full, I/O error) undoes them all and each gets UnavailableError. Called by the writer's thread alone.
"""

import sqlite3
from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Any, Final

from parlour_server.errors import UnavailableError
from parlour_server.store.sqlite.engine.connection import WriteConnection

Write = Callable[[WriteConnection], object]
"""One write. It may run twice, so it must change nothing but the database."""

Job = tuple["Future[Any]", Write]
Outcome = tuple["Future[Any]", object, BaseException | None]
"""A job's future with its value, or with its error."""

# Errors of one statement: its write is at fault. All other errors of sqlite3 are the database's.
_OWN_FAULT: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)


class _HalfDoneError(Exception):
    """A write failed after it had begun to change the database."""


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
    """Return the error that callers get for a failure of the database."""
    error = UnavailableError(f"the database cannot be written: {cause}")
    error.__cause__ = cause
    return error


def roll_back(connection: WriteConnection) -> None:
    """End the transaction, if SQLite did not end it itself (it does so when the disk is full)."""
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
        except Exception as error:  # the guard at the top of the writer's thread
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
