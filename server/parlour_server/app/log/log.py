"""The log: entries numbered 1, 2, 3, … without gaps, in any number of logs, each with a state.

A program's rule decides inside the transaction that appends, so two people can never both make the last move.
It sees the state that it returned for the entry before, so it need not read the log again. `stored_log.py`
keeps the logs of a kind (`kind.py`); rooms are one, those of an ``App`` (`typed_log.py`) others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, NewType, TypeAlias, TypeVar

from msgspec import Struct

from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.core.bus.bus import subject

LogId = NewType("LogId", str)
"""The name a program gives to a log, at most ``LOG_ID`` characters. A log begins with its first entry."""

LOG_ID: Final = 128
BODY_BYTES: Final = 64 * 1024
"""The largest body, and the largest state: each entry rewrites the state."""

B = TypeVar("B")
E = TypeVar("E")
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
    """The facts for a decision. ``head`` is 0 and ``state`` None for a log that has no entry yet."""

    head: Seq
    state: S | None
    author: UserName | None
    at: Millis
    role: str = ""
    """What the author's account has as its role now; `app.roles.known` makes it one of the program's."""


Decide: TypeAlias = Callable[[Facts[S]], S | None]
"""Returns the log's new state, None to keep it; raises RefusedError to append nothing.

It is called inside the transaction, in another thread, perhaps twice: it must change nothing itself, and
wait for nothing, because all writes wait for it.
"""


class Appended(Struct, Generic[E], frozen=True):
    """The entry on disk. ``replay``: this request appended it before, and was not decided again.

    ``also`` are entries that followed from it in the same transaction, such as the role of a member who
    became owner because the last one left.
    """

    entry: E
    replay: bool = False
    also: tuple[E, ...] = ()
    state: bytes | None = None
    """The log's state after it, as stored; not of a replay."""
    answer: Any = None
    """The answer that ``LogKind.answer`` read in the transaction."""


class Page(NamedTuple, Generic[E]):
    """A page of a log, in ascending order. ``more``: more entries exist in the direction asked for."""

    entries: Sequence[E]
    more: bool
    kept_from: Seq = Seq(0)
    """Numbers under it without an entry were removed by the log's retention."""
    until: Seq = Seq(0)
    """The last number that was looked at, in the direction asked for."""
    damaged: tuple[Seq, ...] = ()
    """Numbers whose entries can't be read."""


@dataclass(frozen=True, slots=True)
class LogRecord(Generic[S]):
    """A log as it is now."""

    log: LogId
    head: Seq
    state: S | None


@dataclass(frozen=True, slots=True)
class LogAdvanced:
    """A command appended entry ``seq``: from the journal."""

    log: LogId
    seq: Seq


@dataclass(frozen=True, slots=True)
class EntryCommitted:
    """Another server appended this entry of a program's log; ``body`` is as it is stored."""

    log: LogId
    seq: Seq
    at: Millis
    author: str | None
    body: bytes


def log_subject(log: str) -> str:
    """Return the subject of a log on the bus: the servers where someone follows it listen to it."""
    return subject("log", log)
