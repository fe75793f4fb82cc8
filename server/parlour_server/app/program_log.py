"""The logs of an ``App``: handlers append to them, and everyone who follows one sees each new entry.

What is appended is published after its commit, so no one sees an entry that is then lost. A follower may get
an entry twice, in the page and by the topic, but misses none.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_server.app.log.log import Appended, Decide, Entry, LogRecord
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.log_fanout import Decided, LogFanout
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.topics import Topic
from parlour_server.core.program import Pending, Result

if TYPE_CHECKING:
    from parlour_server.app.program_store import ProgramStore
    from parlour_server.app.running_program import Parts

B = TypeVar("B")
S = TypeVar("S")


def _answer_nothing(_: Entry[Any]) -> None:
    return


class ProgramLog(Generic[B, S]):
    """All logs of a kind; ``App.log`` makes one. It works only while the server runs."""

    def __init__(
        self,
        kind: str,
        body: type[B] | UnionType,
        state: type[S] | UnionType,
        push: Callable[[Entry[B]], Push] | None,
        summary: Callable[[LogRecord[S]], Push | None] | None,
    ) -> None:
        self._kind = kind
        self._body = body
        self._state = state
        self._push = push
        self._summary = summary
        self._fanout: LogFanout[B, S] | None = None

    def begin(self, parts: "Parts[Any, ProgramStore]") -> LogFanout[B, S]:
        """Start with the server, and end with it; ``App`` calls it."""
        made = self._fanout = LogFanout(self._kind, self.of(parts.store), self._push, self._summary, parts)
        parts.stack.callback(self._end)
        return made

    def append(
        self,
        peer: Peer[Any],
        request: Request,
        name: str,
        body: B,
        decide: Decide[S],
        *,
        result: Callable[[Entry[B]], Result] = _answer_nothing,
    ) -> Pending[Appended[B]]:
        """Append to the log ``name`` if ``decide`` allows it: a handler returns or awaits what this returns.

        The answer, ``result`` of the entry, is sent when the entry is on disk; then it is published (before
        the answer, if the handler awaits it). The same request sent again is answered in the same way, and is
        neither decided nor published again.

        A client may assume: after a result the entry is on disk, once; after another refusal than
        `unavailable` there is none. After `unavailable`, or without an answer (the connection broke, a minute
        passed), the entry may be there or come yet. To know, it sends the same request, with the same id and
        content, until it has another answer: that entry's result, or a refusal, and never a second entry. The
        id is that of the account, on any connection, for ever; with other content it is refused (`conflict`).
        """
        running, decided = self._running(), Decided(decide)
        future = running.logs.append(peer.grant, request.id, name, body, decided)
        return Pending(
            future, lambda appended: result(appended.entry), partial(running.appended, name, decided)
        )

    async def append_own(self, key: str, name: str, body: B, decide: Decide[S]) -> Appended[B]:
        """Append an entry of the program itself, such as the end of a game when its time is up.

        Its author is None. ``key`` is the program's choice: the same key again gives the first entry of the
        log with it, so work that was interrupted may run again. Raises RefusedError as ``decide`` does, or
        for a key that was used for another body, and UnavailableError.
        """
        running, decided = self._running(), Decided(decide)
        future = running.logs.append_own(key, name, body, decided)
        future.add_done_callback(partial(_publish, running, name, decided))
        return await asyncio.shield(future)  # its caller may be cancelled: followers get it all the same

    async def follow(
        self, peer: Peer[Any], name: str, *, after: Seq, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Send new entries to the peer from now on.

        Returns those above ``after``, in order, and whether more follow.
        """
        await self._running().follow(peer, name)  # first: what is appended meanwhile comes by the topic
        return await self.page(name, after=after, limit=limit)

    async def page(
        self, name: str, *, after: Seq, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Return the entries above ``after``, in order, and whether more follow.

        One whose stored body is damaged, or that the body's type does not take any more, is left out.
        """
        return await self._running().logs.page(name, after=after, limit=limit)

    async def find(self, name: str) -> LogRecord[S] | None:
        """Return a log's head and state, None if it has not begun."""
        return await self._running().logs.find(name)

    async def list(
        self, *, after: str | None = None, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[LogRecord[S]], bool]:
        """Return the logs above the name ``after``, in order, and whether more follow."""
        return await self._running().logs.list(after=after, limit=limit)

    async def follow_list(
        self, peer: Peer[Any], *, after: str | None = None, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[LogRecord[S]], bool]:
        """Send the summary of each log that changes to the peer from now on.

        Returns the logs above the name ``after``, in order, and whether more follow.
        """
        peer.add(self.list_topic)  # first, as in ``follow``
        return await self.list(after=after, limit=limit)

    @property
    def list_topic(self) -> Topic:
        """The topic to which the summaries of all logs are published."""
        return self._running().list_topic

    def topic(self, name: str) -> Topic:
        """Return the topic to which the entries of the log ``name`` are published; ``follow`` adds to it."""
        return self._running().topic(name)

    def of(self, store: "ProgramStore") -> TypedLog[B, S]:
        """Return these logs in an open store, for a command, which runs without a server.

        A server that runs meanwhile publishes what the command appends.
        """
        return TypedLog(store.log, self._kind, self._body, self._state)

    def _running(self) -> LogFanout[B, S]:
        if self._fanout is None:
            raise ProgramError(f"logs of the kind {self._kind} are used while the server does not run")
        return self._fanout

    def _end(self) -> None:
        self._fanout = None


def _publish(running: LogFanout[B, S], name: str, decided: Decided[S], future: "Future[Appended[B]]") -> None:
    if not future.cancelled() and future.exception() is None:
        with ErrorBoundary("publishing an entry"):
            running.appended(name, decided, future.result())
