"""The logs of an ``App``: handlers append to them, and everyone who follows one sees each new entry.

What is appended is published after its commit, so no one sees an entry that is then lost. A follower may get
an entry twice, in the page and by the topic, but misses none.
"""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_server.kit.connections.peer import Peer
from parlour_server.kit.log.log import Appended, Decide, Entry, Facts, LogRecord
from parlour_server.kit.log.typed_log import TypedLog
from parlour_server.kit.program import Pending, Result
from parlour_server.kit.topics import Topic

if TYPE_CHECKING:
    from parlour_server.kit.running_program import Parts
    from parlour_server.kit.sqlite_kit_store import SqliteKitStore

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
        parts: "Callable[[], Parts[Any, SqliteKitStore]]",
    ) -> None:
        self._kind = kind
        self._body = body
        self._state = state
        self._push = push
        self._summary = summary
        self._parts = parts

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
        """Append to the log ``name`` if ``decide`` allows it: a handler returns what this returns.

        The answer, ``result`` of the entry, is sent when the entry is on disk; then it is published. The same
        request sent again is answered in the same way, and is neither decided nor published again.
        """
        decided: dict[str, S | None] = {}

        def decide_and_keep(facts: Facts[S]) -> S | None:
            new = decide(facts)
            decided["state"] = facts.state if new is None else new  # of the last call: as stored
            return new

        def publish(appended: Appended[B]) -> None:
            if appended.replay:
                return
            entry = appended.entry
            if self._push is not None:
                self.topic(name).publish(self._push(entry))
            if self._summary is not None:
                push = self._summary(LogRecord(entry.log, entry.seq, decided["state"]))
                if push is not None:
                    self.list_topic.publish(push)

        future = self._logs().append(peer.grant, request.id, name, body, decide_and_keep)
        return Pending(future, lambda appended: result(appended.entry), publish)

    async def follow(
        self, peer: Peer[Any], name: str, *, after: Seq, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Send new entries to the peer from now on.

        Returns those above ``after``, in order, and whether more follow.
        """
        peer.add(self.topic(name))  # first: what is appended meanwhile comes by the topic
        return await self.page(name, after=after, limit=limit)

    async def page(
        self, name: str, *, after: Seq, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[Entry[B]], bool]:
        """Return the entries above ``after``, in order, and whether more follow."""
        return await self._logs().page(name, after=after, limit=limit)

    async def find(self, name: str) -> LogRecord[S] | None:
        """Return a log's head and state, None if it has not begun."""
        return await self._logs().find(name)

    async def list(
        self, *, after: str | None = None, limit: int = PAGE_EVENTS.value
    ) -> tuple[Sequence[LogRecord[S]], bool]:
        """Return the logs above the name ``after``, in order, and whether more follow."""
        return await self._logs().list(after=after, limit=limit)

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
        return self._parts().topics.topic(f"logs:{self._kind}")

    def topic(self, name: str) -> Topic:
        """Return the topic to which the entries of the log ``name`` are published."""
        return self._parts().topics.topic(f"log:{self._kind}:{name}")

    def _logs(self) -> TypedLog[B, S]:
        return TypedLog(self._parts().store.log, self._kind, self._body, self._state)
