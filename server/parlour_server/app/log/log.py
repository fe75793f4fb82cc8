"""The log: entries numbered 1, 2, 3, … without gaps, in any number of logs, each with a state.

A program's rule decides inside the transaction that appends, so two people can never both make the last move.
It sees the state that it returned for the entry before, so it need not read the log again. `sql_log.py`
stores the logs in bytes; `typed_log.py` gives them types.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NewType, TypeAlias, TypeVar

from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName

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
