"""The logs of an ``App``: handlers append to them, and everyone who follows one sees each new entry.

What is appended is published after its commit, so no one sees an entry that is then lost. A follower may get
an entry twice, in the page and by the push, but misses none. Those who follow the list get the summary of a
log with its newest entry; one whose notification was lost comes with the log's next entry.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_server.app.log.fanout import Fanout
from parlour_server.app.log.log import Appended, Decide, Entry, EntryCommitted, Facts, LogAdvanced, LogRecord
from parlour_server.app.log.position_check import PositionCheck
from parlour_server.app.log.sequencer import Sequencer
from parlour_server.app.log.typed_log import Also, TypedLog
from parlour_server.core.connections.connection import text_frame
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.pushes import checked_push
from parlour_server.core.connections.topics import Topic, list_topic
from parlour_server.core.program import Pending, Result
from parlour_server.core.store.engine.column_values import UNREADABLE

if TYPE_CHECKING:
    from parlour_server.app.parts import Parts
    from parlour_server.app.program_store import ProgramStore

B = TypeVar("B")
S = TypeVar("S")


def _answer_nothing(_: Appended[Entry[Any]]) -> None:
    return


def _decide_by_role(refuse: Callable[[str], None], decide: Decide[S], facts: Facts[S]) -> S | None:
    """Decide in the transaction, where a role may be gone that the author had when they asked."""
    refuse(facts.role)
    return decide(facts)


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
        self._started: RunningLog[B, S] | None = None
        self._refuses: Mapping[type[Request], Callable[[str], None]] = {}

    def begin(
        self,
        parts: "Parts[Any, ProgramStore]",
        refuses: Mapping[type[Request], Callable[[str], None]],
    ) -> "RunningLog[B, S]":
        """Start with the server, and end with it; ``App`` calls it.

        ``refuses`` has for each request that not everyone may make what refuses an author with this role.
        """
        self._refuses = refuses
        made = self._started = RunningLog(self._kind, self.of(parts.store), self._push, self._summary, parts)
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
        also: Also[B] | None = None,
        result: Callable[[Entry[B]], Result] | None = None,
    ) -> Pending[Appended[Entry[B]]]:
        """Append to the log ``name`` if ``decide`` allows it: a handler returns or awaits what this returns.

        ``also`` changes rows of the program's own tables in the same transaction: both stay, or neither.

        The answer, ``result`` of the entry, is sent when the entry is on disk; then it is published (before
        the answer, if the handler awaits it). The same request sent again is answered in the same way, and is
        neither decided nor published again.

        A client may assume: after a result the entry is on disk, once; after another refusal than
        `unavailable` there is none. After `unavailable`, or without an answer (the connection broke, a minute
        passed), the entry may be there or come yet. To know, it sends the same request, with the same id and
        content, until it has another answer: that entry's result, or a refusal, and never a second entry. The
        id is that of the account, on any connection, for ever; with other content it is refused (`conflict`).
        """
        refuse = self._refuses.get(type(request))
        decides = decide if refuse is None else partial(_decide_by_role, refuse, decide)
        future = self._running().logs.append(peer.grant, request.id, name, body, decides, also)
        if result is None:
            return Pending(future, _answer_nothing)
        return Pending(future, lambda appended: result(appended.entry))

    async def append_own(
        self, key: str, name: str, body: B, decide: Decide[S], *, also: Also[B] | None = None
    ) -> Appended[Entry[B]]:
        """Append an entry of the program itself, such as the end of a game when its time is up.

        Its author is None. ``key`` is the program's choice: the same key again gives the first entry of the
        log with it, so work that was interrupted may run again. ``also`` is as in ``append``. Raises
        RefusedError as ``decide`` does, or for a key that was used for another body, and UnavailableError.
        """
        return await asyncio.shield(self._running().logs.append_own(key, name, body, decide, also))

    async def follow(
        self, peer: Peer[Any], name: str, *, after: Seq, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Send new entries to the peer from now on.

        Returns those above ``after``, in order, and whether more follow. ``Peer.only`` ends it, as it ends
        topics. Raises RefusedError for too many of both.
        """
        await self._running().follow(peer, name)  # first: what is appended meanwhile is pushed
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

    def of(self, store: "ProgramStore") -> TypedLog[B, S]:
        """Return these logs in an open store, for a command, which runs without a server.

        A server that runs meanwhile publishes what the command appends.
        """
        if self._started is not None and self._started.store is store:
            return self._started.logs  # which tell
        return TypedLog(store, self._kind, self._body, self._state)

    def _running(self) -> "RunningLog[B, S]":
        if self._started is None:
            raise ProgramError(f"logs of the kind {self._kind} are used while the server does not run")
        return self._started

    def _end(self) -> None:
        self._started = None


class _Follows:
    """A peer's following of a log, beside its topics: it ends with the peer, and by ``Peer.only``."""

    __slots__ = ("_fanout", "_head", "_log")

    def __init__(self, fanout: Fanout[Any, None], log: str, head: Seq) -> None:
        self._fanout = fanout
        self._log = log
        self._head = head

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Follows) and (other._fanout, other._log) == (self._fanout, self._log)

    def __hash__(self) -> int:
        return hash(self._log)

    def add(self, peer: Peer[Any]) -> None:
        self._fanout.attach(peer, self._log, self._head)

    def remove(self, peer: Peer[Any]) -> None:
        sequencer = self._fanout.sequencer(self._log)
        if sequencer is not None and not peer.closed:
            sequencer.out.flush()  # it gets what was published before
        self._fanout.detach(peer, self._log)


class RunningLog(Generic[B, S]):
    """The logs of a kind while a server runs."""

    def __init__(
        self,
        kind: str,
        logs: TypedLog[B, S],
        push: Callable[[Entry[B]], Push] | None,
        summary: Callable[[LogRecord[S]], Push | None] | None,
        parts: "Parts[Any, ProgramStore]",
    ) -> None:
        """``push`` makes what followers of a log get for an entry.

        ``summary`` makes what those of the list get for a log that has changed.
        """
        self.logs: Final = logs
        self.store: Final = parts.store
        self._kind = kind
        self._push = push
        self._summary = summary
        self._background = parts.background
        self._topics = parts.topics
        self.fanout: Final[Fanout[Entry[B], None]] = Fanout(
            stored=logs.stored,
            told=self._told,
            notice=None if push is None and summary is None else self._notice,
            appended=self._appended,
            here=lambda: None,
            pace=parts.topics.new_pace,
            loop=parts.topics.pace.loop,
            background=parts.background,
            bus=parts.bus,
        )
        self.positions: Final = PositionCheck(
            fanout=self.fanout,
            bus=parts.bus,
            clock=parts.clock,
            background=parts.background,
            is_shared=parts.store.is_shared,
        )
        self._changed: set[str] = set()
        """Logs whose summaries are being read."""

    @property
    def list_topic(self) -> Topic:
        """The topic of the summaries."""
        return self._topics.topic(list_topic(self._kind))

    async def follow(self, peer: Peer[Any], name: str) -> None:
        """Push what is appended from now on to this peer. Raises UnavailableError."""
        with self.fanout.ended.watching(peer.user):
            head = (await self.logs.heads((name,)))[name]
        peer.add(_Follows(self.fanout, self.logs.id(name), head))

    def _notice(self, entry: Entry[B]) -> EntryCommitted:
        body = self.logs.kind.stored(entry)
        return EntryCommitted(self.logs.id(entry.log), entry.seq, entry.at, entry.author, body)

    def _appended(self, appended: Appended[Entry[B]]) -> None:
        if self._summary is not None:
            entry, state = appended.entry, self.logs.kind.state(appended.state)
            self._publish_summary(LogRecord(entry.log, entry.seq, state))

    def committed(self, notice: EntryCommitted) -> None:
        """Publish an entry that another server appended."""
        if self.logs.kind.is_of(notice.log):
            row = (notice.seq, notice.at, notice.author, None, notice.body)
            try:
                entry = self.logs.kind.read(notice.log, row)
            except UNREADABLE:  # of another version: it is read, or left out, as from the store
                self.fanout.advanced(notice.log, notice.seq)
            else:
                self.fanout.committed(notice.log, entry)
            self._summarise_soon(notice.log)

    def advanced(self, notice: LogAdvanced) -> None:
        """Publish an entry that a command appended."""
        if self.logs.kind.is_of(notice.log):
            self.fanout.advanced(notice.log, notice.seq)
            self._summarise_soon(notice.log)

    def _told(
        self,
        sequencer: Sequencer[Entry[B], None] | None,
        entry: Entry[B],
        is_new: bool,  # noqa: FBT001 - see ``Fanout``
    ) -> None:
        if is_new and sequencer is not None and self._push is not None:
            payload = checked_push(self._push(entry), self._topics.pushes)
            sequencer.out.put(text_frame(payload))

    def _summarise_soon(self, log: str) -> None:
        name = self.logs.kind.name(log)
        if self._summary is not None and len(self.list_topic) and name not in self._changed:
            self._changed.add(name)
            self._background.retry_until_done(
                "reading a changed log", partial(self._summarise, name), self.list_topic.fail
            )

    async def _summarise(self, name: str) -> None:
        self._changed.discard(name)  # first: what changes meanwhile is read again
        with suppress(*UNREADABLE):  # its summary is missing, as from every list
            record = await self.logs.find(name)
            if record is not None:
                self._publish_summary(record)

    def _publish_summary(self, record: LogRecord[S]) -> None:
        if self._summary is not None:
            with ErrorBoundary("the summary of a log", self.list_topic.fail):
                push = self._summary(record)
                if push is not None:
                    self.list_topic.publish_here(push)
