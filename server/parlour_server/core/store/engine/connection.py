"""The interface of a database engine: connections, and transactions of several writes at once.

All SQL of a store is written once, in the part of SQL that engines share, with `?1` or `?` for parameters; an
engine runs it. What differs is here: how a transaction begins, what keeps two of them apart, and what an
error means.
"""

from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.core.errors import UnavailableError

if TYPE_CHECKING:
    from parlour_server.core.clock import Clock
    from parlour_server.core.store.ticket_store import TicketStore

Parameters = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """The rows that a statement returned."""

    @property
    def rowcount(self) -> int:
        """The number of rows that a statement changed."""
        ...

    def fetchone(self) -> Any: ...  # noqa: D102
    def fetchall(self) -> list[Any]: ...  # noqa: D102
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection that reads; statements in no transaction see what was last committed."""

    @property
    def is_shared(self) -> bool:
        """Whether several servers may use the database at once."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the database ended it."""
        ...

    def execute(self, sql: str, parameters: Parameters = (), /) -> Cursor: ...  # noqa: D102

    def snapshot(self) -> AbstractContextManager[None]:
        """Run a block in one read transaction, in which nothing changes."""
        ...

    def close(self) -> None: ...  # noqa: D102


class WriteConnection(Connection, Protocol):
    """A connection in the transaction of a write."""

    @property
    def alone(self) -> bool:
        """Whether no other write of any server runs beside this one."""
        ...

    announces: bool
    """Each event is added to the journal as well: servers learn of this process only from there."""
    stale_wal: bool
    """Something was deleted, and its old text may still be in the engine's own files."""

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> object: ...  # noqa: D102

    def scrub(self) -> None:
        """Remove what was deleted from the engine's own files, as far as it can; see ``stale_wal``."""
        ...


Write = Callable[[Any], object]
"""One write: a function of a WriteConnection. It may run twice, so it must change only the database."""


@runtime_checkable
class WriteTogether(Protocol):
    """A write that an engine may run together with others of its class."""

    def __call__(self, db: Any) -> object: ...  # noqa: D102

    @classmethod
    def together(cls, db: Any, writes: Sequence[Any]) -> Sequence[object]:
        """Run these in order; returns for each its value, or its error if it refused and changed nothing."""
        ...


class HalfDoneError(Exception):
    """A write failed after it started changing the database."""


class MustBeAloneError(Exception):
    """Raised by a write that found that it is not ``within`` one log after all; it runs again, alone."""


@dataclass(frozen=True, slots=True)
class Job:
    """A write that waits for its turn."""

    future: "Future[Any]"
    write: Write
    within: str | None
    """See ``Writer.submit``."""
    request: Any = None
    """The request that it belongs to, as the server's ``Observer`` knows it."""
    then: Callable[[Any], None] | None = None
    """See ``Writer.submit``."""

    def run(self, connection: WriteConnection) -> object:
        """Run the write. What ends a thread, or what a future does not take, becomes a RuntimeError.

        A program's rule runs in it, and its sys.exit() must not be the last thing that this thread does.
        """
        try:
            return self.write(connection)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                raise
            ended = RuntimeError(f"a write ended with {type(error).__name__}")
            raise ended.with_traceback(error.__traceback__) from error


Outcome = tuple[Job, object, BaseException | None]
"""A job with its value, or with its error."""


def unavailable(cause: BaseException) -> UnavailableError:
    """Return the error for callers after a failure of the database."""
    error = UnavailableError(f"the database cannot be written: {cause}")
    error.__cause__ = cause
    return error


ANYWHERE: Final = ""
"""The ``within`` of a write that decides nothing by what it reads."""


class NotADatabaseError(Exception):
    """The file is not one of SQLite's."""


class Engine(Protocol):
    """One database; as a text it is how sentences call it."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """The errors of its connections when the database fails, not the statement: SetupError is one."""
        ...

    def is_damage(self, error: BaseException) -> bool:
        """Return whether this error of its connections says that stored data is damaged."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several servers may use the database at once."""
        ...

    @property
    def dialect(self) -> str:
        """The name of the database and its driver in SQLAlchemy."""
        ...

    @property
    def unverified(self) -> str:
        """How others on the network can pass for the database, or read along; empty if they can't."""
        ...

    def explained(self) -> AbstractContextManager[None]:
        """Raise SetupError, a sentence for the operator, for an error of the database in a block."""
        ...

    def check_rights(self) -> None:
        """Raise SetupError if this user can't read and write every table."""
        ...

    def exists(self) -> bool:
        """Return whether the database was made already. Raises SetupError."""
        ...

    def table_names(self, db: Any) -> frozenset[str]:
        """Return the names of all tables."""
        ...

    def table_sizes(self, db: Any) -> Iterable[tuple[str, int | None]]:
        """Return the bytes of each table with its indexes; None where that is not known."""
        ...

    def find_damage(self, db: Any) -> Iterator[str]:
        """Yield what it finds damaged itself, as sentences."""
        ...

    def refuse_running(self, db: Any) -> None:
        """Raise SetupError if the database knows of a server that uses it."""
        ...

    def connections(self, db: Any) -> Mapping[str, int] | None:
        """Return how many connections each account has at all servers, of those that have any.

        None for a database of one server, which knows it itself.
        """
        ...

    def make_tickets(self, writer: Any, clock: "Clock") -> "TicketStore | None":
        """Return what keeps the tickets of all servers; None for a database of one, which keeps its own.

        ``writer`` is the store's ``Writer``.
        """
        ...

    def revisions(self) -> frozenset[str]:
        """Return the revisions of the schema, one for each branch, none without a schema.

        Raises SetupError, NotADatabaseError.
        """
        ...

    def incarnation(self) -> tuple[Incarnation, Millis] | None:
        """Return the incarnation and when it began; None for an older schema. Raises SetupError."""
        ...

    def connect_to_migrate(self) -> Any:
        """Return a connection of its driver that changes the schema. Raises SetupError."""
        ...

    def connect_writer(self, *, announces: bool) -> WriteConnection:
        """Open a connection that writes. Raises SetupError, and what ``failures`` says."""
        ...

    def connect_reader(self) -> Connection:
        """Open a connection that cannot write; it may be closed by another thread."""
        ...

    def run_batch(self, connection: Any, jobs: Sequence[Job]) -> list[Outcome]:
        """Run the jobs in order in one transaction; returns when they are on disk.

        A job that fails undoes only what it did itself. Raises what ``failures`` says when nothing was done,
        or nobody knows; the connection is of no use then.
        """
        ...
