"""A kind of log, as its program describes it: rooms are one kind, the logs of an ``App`` others.

The engine (`append.py`, `pages.py`) numbers, stores and finds entries; a kind knows what is in them, by which
facts a decision about one is made, and what one changes in the program's own tables.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.store.engine.connection import Connection, WriteConnection

Row = tuple[Any, ...]


class AnyAppend(Protocol):
    """A request to append an entry to a log, once for each ``request`` of its author.

    ``author`` is None for the program itself: ``request`` is then a key of the log. ``session`` must be live
    in the transaction; None needs none.
    """

    @property
    def author(self) -> UserName | None: ...  # noqa: D102
    @property
    def request(self) -> str: ...  # noqa: D102
    @property
    def session(self) -> SessionId | None: ...  # noqa: D102
    @property
    def at(self) -> Millis: ...  # noqa: D102


class AnyEntry(Protocol):
    """An entry, however a program calls its log and its body."""

    @property
    def seq(self) -> Seq: ...  # noqa: D102
    @property
    def at(self) -> Millis: ...  # noqa: D102
    @property
    def author(self) -> UserName | None: ...  # noqa: D102
    @property
    def body(self) -> Any: ...  # noqa: D102


A = TypeVar("A", bound=AnyAppend)
E = TypeVar("E", bound=AnyEntry)
F = TypeVar("F")

DecideBytes: TypeAlias = Callable[[A, F], bytes | None]
"""Returns the log's new state as stored, None to keep it; raises RefusedError to append nothing."""


class Base(NamedTuple):
    """A log as it is now; ``head`` is 0 before its first entry."""

    head: Seq
    size: int
    """Of all bodies, in bytes."""
    state: bytes | None


class LogKind(ABC, Generic[A, E, F]):
    """Raises nothing and changes nothing, but for ``apply``."""

    called: ClassVar[str] = "log"
    """The word that people have for such a log."""
    columns: ClassVar[str] = ""
    """More columns of the one SELECT that is read for every append, each after a comma."""
    joins: ClassVar[str] = ""
    """Their tables. ``{log}`` and ``{author}`` stand for the append's; a log is the row ``l`` of `logs`."""

    @abstractmethod
    def log_of(self, append: A) -> str:
        """Return the log of an append."""

    @abstractmethod
    def entry(self, append: A, seq: Seq) -> E:
        """Return the entry of an append, before its effects."""

    @abstractmethod
    def read(self, log: str, row: Row) -> E:
        """Return a stored entry from its number, time, author, device and body. Raises what is UNREADABLE."""

    @abstractmethod
    def unreadable(self, log: str, seq: Seq, at: Millis, row: Row | None) -> E | None:
        """Return what stands for an entry that can't be read, or is missing; None: it is left out."""

    @abstractmethod
    def warn_unreadable(self, log: str, seq: Seq) -> None:
        """Tell the operator; called once for each."""

    @abstractmethod
    def columns_of(self, entry: E) -> tuple[str | None, str, Seq | None, bytes]:
        """Return the entry's device, kind, target and body as they are stored.

        ``target`` is the number of an entry with which this one is deleted.
        """

    @abstractmethod
    def repeated(self, append: A, log: str, row: Row) -> E | None:
        """Return the entry that the same request appended before; None if it asked for something else."""

    @abstractmethod
    def facts(self, append: A, base: Base, row: Row, beside: Any) -> F:
        """Return what the decision is made on: from ``columns``, and in a batch what ``beside`` read."""

    def exists(self, base: Base, facts: F) -> bool:
        """Return whether there is this log: one that begins with its first entry always is."""
        del base, facts
        return True

    def more(self, db: Connection, append: A, facts: F) -> F:
        """Return the facts with those that take further SELECTs."""
        del db, append
        return facts

    def beside(self, db: Connection, appends: Sequence[A]) -> Sequence[Any]:
        """Return the same for each of a batch of plain appends, in as few SELECTs as it takes."""
        del db
        return [None] * len(appends)

    @abstractmethod
    def is_plain(self, append: A) -> bool:
        """Return whether it changes nothing but the log, as far as one can see without facts."""

    def stays_plain(self, facts: F) -> bool:
        """Return whether it is plain with these facts, too."""
        del facts
        return True

    def is_within(self, append: A) -> bool:
        """Return whether it decides by what belongs to its log only, and changes nothing else."""
        del append
        return True

    def apply(self, db: WriteConnection, append: A, facts: F, entry: E) -> tuple[E, Sequence[E]]:
        """Change the program's tables; returns the entry as it is stored, and those that follow from it.

        It refuses before it changes anything.
        """
        del db, append, facts
        return entry, ()

    def answer(self, db: Connection, append: A) -> Any:
        """Read what the answer needs, after the entry is stored."""
        del db, append

    def concerns(self, entry: E) -> UserName | None:
        """Return who must hear of an entry wherever they are connected; it is not ``is_within``."""
        del entry
        return None

    @cached_property
    def select(self) -> str:
        """The facts of one append: author, log, request, session, now."""
        return _FACTS.format(earlier=_BY_AUTHOR, columns=self.columns, joins=self.joins).format(**_ONE)

    @cached_property
    def select_own(self) -> str:
        """The same for the program's own."""
        return _FACTS.format(earlier=_OWN, columns=self.columns, joins=self.joins).format(**_ONE)

    @cached_property
    def select_together(self) -> str:
        """The same for many by people, on PostgreSQL."""
        return _TOGETHER.format(earlier=_BY_AUTHOR, columns=self.columns, joins=self.joins).format(**_MANY)


# The log, the request and the session in one SELECT, the only one of a plain append.
_COLUMNS: Final = "SELECT l.head, l.bytes, l.state, e.seq, s.session IS NOT NULL{columns}"
_JOINS: Final = """
    LEFT JOIN logs l ON l.log = {{log}}
    LEFT JOIN entries e ON {earlier}
    LEFT JOIN accounts a ON a.account = {{author}} AND a.disabled = 0
    LEFT JOIN sessions s ON s.session = {{session}} AND s.account = a.account AND s.expires > {{now}}
    {joins}
"""
_FACTS: Final = f"{_COLUMNS} FROM (SELECT 1) AS q {_JOINS}"
_TOGETHER: Final = (
    f"{_COLUMNS} FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[])"
    f" WITH ORDINALITY AS q (author, log, request, session, now, n) {_JOINS} ORDER BY q.n"
)
_BY_AUTHOR: Final = "e.author = {author} AND e.request = {request}"
_OWN: Final = "e.author IS NULL AND e.log = {log} AND e.request = {request}"
_NAMES: Final = ("author", "log", "request", "session", "now")
_ONE: Final = {name: f"?{number}" for number, name in enumerate(_NAMES, start=1)}
_MANY: Final = {name: f"q.{name}" for name in _NAMES}
