"""Publishes the entries of the logs that people follow here, in order, whichever process appended them.

The store is the truth. An entry that was appended here is published at once; what the bus or the journal
announces of other processes is read from the store, and so is what neither announced: every few seconds, or
every second where several servers share the database, the heads of the followed logs are compared. Whatever
is lost, late or repeated, a topic gets each entry once, without gaps. Those who follow the list get the
summary of a log with its newest entry; one whose notification was lost comes with the log's next entry.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from parlour_protocol.kit.frames import Push
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_server.app.log.log import Appended, Decide, Entry, Facts, LogAdvanced, LogRecord
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.core.connections.batching import BatchingWriter
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.topics import Topic, list_topic, log_topic
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store.engine.column_values import UNREADABLE

if TYPE_CHECKING:
    from parlour_server.app.running_program import Parts

B = TypeVar("B")
S = TypeVar("S")

LOOK_SECONDS: Final = 5.0
"""Between two comparisons with the store: followers wait no longer for an entry that no one announced."""
LOOK_SECONDS_SHARED: Final = 0.8
"""The same where several servers share the database."""


class Decided(Generic[S]):
    """A decision that remembers the state to which it led."""

    def __init__(self, decide: Decide[S]) -> None:
        self._decide = decide
        self.state: S | None = None
        """That of the last call, as stored."""

    def __call__(self, facts: Facts[S]) -> S | None:
        """Decide."""
        new = self._decide(facts)
        self.state = facts.state if new is None else new
        return new


class _Followed:
    """What was published of a log to its present followers."""

    __slots__ = ("announced", "last", "reading", "writer")

    def __init__(self, writer: BatchingWriter | None, last: Seq | None) -> None:
        self.writer = writer
        """Of the topic: another one as soon as all followers have left."""
        self.last = last
        """The newest entry that was published, or that followers read themselves; None: not known yet."""
        self.announced = last or Seq(0)
        """The newest entry that is known to be there."""
        self.reading = False


class LogFanout(Generic[B, S]):
    """The followed logs of one kind, while a server runs."""

    def __init__(
        self,
        kind: str,
        logs: TypedLog[B, S],
        push: Callable[[Entry[B]], Push] | None,
        summary: Callable[[LogRecord[S]], Push | None] | None,
        parts: "Parts[Any, Any]",
    ) -> None:
        """``push`` makes what followers of a log get for an entry.

        ``summary`` makes what those of the list get for a log that has changed.
        """
        self.logs = logs
        self._kind = kind
        self._push = push
        self._summary = summary
        self._parts = parts
        self._followed: dict[str, _Followed] = {}
        self._origin = os.urandom(8).hex()  # not secrets: see core/net/tls_groups.py
        """Names this process in its notifications, which the bus returns to it."""
        self._changed: set[str] = set()
        """Logs whose summaries are being read."""

    @property
    def list_topic(self) -> Topic:
        """The topic of the summaries."""
        return self._parts.topics.topic(list_topic(self._kind))

    def topic(self, name: str) -> Topic:
        """Return the topic of a log."""
        return self._parts.topics.topic(log_topic(self.logs.id(name)))

    async def follow(self, peer: Peer[Any], name: str) -> None:
        """Publish to this peer what is appended from now on. Raises UnavailableError."""
        peer.add(self.topic(name))
        followed = self._present(name)
        if followed is None:
            followed = self._followed[name] = _Followed(self.topic(name).writer, None)
        if followed.last is None:
            head = (await self.logs.heads((name,)))[name]
            if followed.last is None:
                followed.last = head
                self._read_missing(name, followed)

    def appended(self, name: str, decided: Decided[S], appended: Appended[B]) -> None:
        """Publish an entry that this process appended, and notify the others."""
        if appended.replay or (self._push is None and self._summary is None):
            return
        entry = appended.entry
        followed = self._known(name, entry.seq)
        if followed is not None and followed.last is not None and entry.seq == followed.last + 1:
            self._publish(name, followed, entry)
        elif followed is not None:
            self._read_missing(name, followed)
        self._publish_summary(LogRecord(entry.log, entry.seq, decided.state))
        self._parts.bus.publish(LogAdvanced(self.logs.id(name), entry.seq, self._origin))

    def advanced(self, notice: LogAdvanced) -> None:
        """Publish an entry that another process appended."""
        name = self.logs.name(notice.log)
        if name is None or notice.origin == self._origin:
            return
        self._announce(name, notice.seq)
        if self._summary is not None and len(self.list_topic) and name not in self._changed:
            self._changed.add(name)
            self._parts.background.retry_until_done(
                "reading a changed log", partial(self._summarise, name), self.list_topic.fail
            )

    async def look(self) -> None:
        """Find entries of followed logs that no one announced."""
        for name in list(self._followed):
            self._present(name)
        heads: dict[str, Seq] = {}
        with suppress(UnavailableError):  # the next look is soon
            heads = await self.logs.heads(tuple(self._followed))
        for name, head in heads.items():
            followed = self._followed.get(name)
            if followed is not None:
                followed.last = head if followed.last is None else followed.last
                self._announce(name, head)

    def _announce(self, name: str, seq: Seq) -> None:
        followed = self._known(name, seq)
        if followed is not None:
            self._read_missing(name, followed)

    def _known(self, name: str, seq: Seq) -> _Followed | None:
        """Record that entry ``seq`` is there; None if no one here follows the log."""
        followed = self._present(name)
        if followed is None:
            writer = self.topic(name).writer
            if writer is None or self._push is None:
                return None
            followed = self._followed[name] = _Followed(writer, Seq(seq - 1))  # without ``follow``
        followed.announced = max(followed.announced, seq)
        return followed

    def _present(self, name: str) -> _Followed | None:
        """Return what those who follow the log now were sent, if that is known."""
        followed = self._followed.get(name)
        writer = self.topic(name).writer
        if followed is not None and (writer is None or followed.writer is not writer):
            del self._followed[name]
            return None
        return followed

    def _publish(self, name: str, followed: _Followed, entry: Entry[B]) -> None:
        followed.last = entry.seq
        topic = self.topic(name)
        with ErrorBoundary("the push of an entry", topic.fail):
            if self._push is not None:
                topic.publish_here(self._push(entry))

    def _read_missing(self, name: str, followed: _Followed) -> None:
        if followed.last is None or followed.announced <= followed.last or followed.reading:
            return
        followed.reading = True
        self._parts.background.retry_until_done(
            "reading a followed log", partial(self._read, name, followed), partial(self._fail, name, followed)
        )

    async def _read(self, name: str, followed: _Followed) -> None:
        """Publish from the store what is missing, as long as someone follows."""
        while followed.last is not None and followed.announced > followed.last:
            before = followed.last
            page = await self.logs.read(name, after=before, limit=PAGE_EVENTS.value)
            if self._present(name) is not followed:
                return  # these followers have left
            for entry in page.entries:
                if entry.seq > followed.last:  # not published meanwhile
                    self._publish(name, followed, entry)
            followed.last = max(followed.last, page.until)  # what lies between can't be read
            if followed.last == before:
                followed.announced = before  # it is not there: the next look compares again
        followed.reading = False

    def _fail(self, name: str, followed: _Followed) -> None:
        """Close the connections of followers who miss entries: they come back and read pages."""
        if self._present(name) is followed:
            self.topic(name).fail()

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
