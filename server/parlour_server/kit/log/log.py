"""The log: entries numbered 1, 2, 3, … without gaps, in any number of logs, each with a state.

A program's rule decides inside the transaction that appends, so two people can never both make the last move.
It sees the state that it returned for the entry before, so it need not read the log again. Every
implementation passes `tests/server/kit/log/log_contract.py`.
"""

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NewType, Protocol, TypeAlias, TypeVar

from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_protocol.kit.names import UserName
from parlour_server.kit.store.records import TicketGrant

LogId = NewType("LogId", str)
"""The name a program gives to a log, at most ``LOG_ID`` characters. A log begins with its first entry."""

LOG_ID: Final = 128
BODY_BYTES: Final = 64 * 1024
"""The largest body, and the largest state: each entry rewrites the state."""

B = TypeVar("B")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Entry(Generic[B]):
    """One entry of a log. ``at`` is for people: the order is that of the numbers.

    ``author`` is None for what the program itself appended (``append_own``).
    """

    log: LogId
    seq: Seq
    at: Millis
    author: UserName | None
    body: B


@dataclass(frozen=True, slots=True)
class Facts(Generic[S]):
    """What a decision is made on. ``head`` is 0 and ``state`` None for a log that has not begun."""

    head: Seq
    state: S | None
    author: UserName | None
    at: Millis


Decide: TypeAlias = Callable[[Facts[S]], S | None]
"""Returns the log's new state, None to keep it; raises RefusedError to append nothing.

It is called inside the transaction, in another thread, perhaps twice: it must change nothing itself, and
wait for nothing, because all writes wait for it.
"""


@dataclass(frozen=True, slots=True)
class Appended(Generic[B]):
    """The entry on disk. ``replay``: this request appended it before, and was not decided again."""

    entry: Entry[B]
    replay: bool = False


@dataclass(frozen=True, slots=True)
class LogRecord(Generic[S]):
    """A log as it is now."""

    log: LogId
    head: Seq
    state: S | None


@dataclass(frozen=True, slots=True)
class LogAdvanced:
    """Entry ``seq`` was appended: on the bus by the server ``origin``, in the journal by a command."""

    log: LogId
    seq: Seq
    origin: str = ""


class Log(Protocol):
    """All logs of a program, in bytes; `typed_log.py` gives them types."""

    def append(
        self, author: TicketGrant, request: RequestId, log: LogId, body: bytes, decide: Decide[bytes]
    ) -> "Future[Appended[bytes]]":
        """Append an entry if ``decide`` allows it.

        The future completes when the entry is on disk, or with RefusedError (from ``decide``; FORBIDDEN: the
        author's session has ended; CONFLICT: the account used this request id for something else), or with
        UnavailableError. One caller's entries keep their order. Raises ValueError for an id or a body that is
        too long.
        """
        ...

    def append_own(
        self, key: str, log: LogId, body: bytes, decide: Decide[bytes]
    ) -> "Future[Appended[bytes]]":
        """Append an entry of the program itself, for which no one needs a session; otherwise as ``append``.

        ``key`` stands for the request id: an entry is appended once for each key of this log, so work that
        was interrupted may run again. At most ``LOG_ID`` characters.
        """
        ...

    async def page(
        self, log: LogId, *, after: Seq, limit: int, max_bytes: int = PAGE_BYTES.value
    ) -> tuple[Sequence[Entry[bytes]], bool]:
        """Return the entries above ``after``, in order, and whether more follow.

        At most ``limit`` entries and ``max_bytes`` of bodies, but at least one entry if there is one.
        """
        ...

    async def head(self, log: LogId) -> Seq:
        """Return the number of the newest entry, 0 for a log that has not begun."""
        ...

    async def heads(self, logs: Sequence[LogId]) -> Mapping[LogId, Seq]:
        """Return the same for many logs, in one read."""
        ...

    async def find(self, log: LogId) -> LogRecord[bytes] | None:
        """Return a log, None if it has not begun."""
        ...

    async def list(
        self, *, prefix: str = "", after: LogId | None = None, limit: int
    ) -> tuple[Sequence[LogRecord[bytes]], bool]:
        """Return logs whose ids begin with ``prefix``, in order of id, and whether more follow."""
        ...
