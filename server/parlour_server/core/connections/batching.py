"""Batches what goes to many: collects frames for a moment and writes them once to each member.

When little happens, a frame goes out at the end of this turn of the loop; when much does, frames wait until
the floor has passed since the last flush, so that one write (and one TLS record) carries many of them. So do
the frames of all writers with the same ``Pace``. It never waits for a member. The loop in ``flush`` is the
hottest of the server, so everything possible is done before it.
"""

from asyncio import AbstractEventLoop, Handle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.peer import Peer
from parlour_server.core.histogram import Histogram

if TYPE_CHECKING:
    from parlour_server.core.observer import Observer

_SHARE: Final = 2.0
"""The next flush waits this many times the duration of its last, so that others get their turn."""


_BOUNDS: Final = (0.001, 0.002_5, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Around the chat's pace of 13 ms."""


class Deliveries:
    """The counts of all writers of a server: at each write to all members, not at each member."""

    __slots__ = ("bytes", "frames", "observer", "seconds")

    def __init__(self) -> None:
        """Begin at nothing."""
        self.frames = 0
        """Each counts once for each member that it was written to."""
        self.bytes = 0
        self.seconds = Histogram(_BOUNDS)
        """From the first frame that waited until all members were written to."""
        self.observer: Observer | None = None
        """Set by a server that has one."""


class Pace:
    """When the writers that share it write: together, so that each peer gets one write."""

    __slots__ = ("_due", "_floor", "_timer", "_waiting", "deliveries", "loop")

    def __init__(self, loop: AbstractEventLoop, floor: float, deliveries: Deliveries) -> None:
        """``floor``: seconds between two writes when there is much to write. ``deliveries`` counts them."""
        self.loop = loop
        self.deliveries = deliveries
        self._floor = floor
        self._due = 0.0
        self._timer: Handle | None = None
        self._waiting: dict[BatchingWriter, None] = {}

    def add(self, writer: "BatchingWriter") -> None:
        """Flush this writer, which has a first frame, when it is time."""
        self._waiting[writer] = None
        if self._timer is None:
            loop = self.loop
            if loop.time() >= self._due:
                self._timer = loop.call_soon(self._flush)
            else:
                self._timer = loop.call_at(self._due, self._flush)

    def discard(self, writer: "BatchingWriter") -> None:
        """Forget a writer that has nothing left to write."""
        self._waiting.pop(writer, None)
        if self._timer is not None and not self._waiting:
            self._timer.cancel()
            self._timer = None

    def wrote(self, started: float) -> float:
        """Set when to write next: a write that began at ``started`` has just ended. Returns the time."""
        now = self.loop.time()
        self._due = started + max(self._floor, _SHARE * (now - started))
        return now

    def _flush(self) -> None:
        self._timer = None
        waiting = tuple(self._waiting)
        if len(waiting) == 1:
            waiting[0].flush()
            return
        self._waiting.clear()
        started = self.loop.time()
        shares: dict[Peer[Any], list[bytes]] = {}
        since = [writer.since for writer in waiting]
        for writer in waiting:
            data = writer.take()
            for peer in writer.members:
                share = shares.get(peer)
                if share is None:
                    shares[peer] = [data]
                else:
                    share.append(data)
        for peer, share in shares.items():
            with ErrorBoundary("a delivery", peer.fail):
                peer.write_unchecked(share[0] if len(share) == 1 else b"".join(share))
        now = self.wrote(started)
        for begun in since:
            self.deliveries.seconds.observe(now - begun)
        if (observer := self.deliveries.observer) is not None:
            for writer in waiting:
                observer.written(writer, len(writer.members))


class BatchingWriter:
    """The members of a room or a topic, and the frames that were not sent to them yet."""

    __slots__ = ("_pace", "_pending", "_writes", "members", "since")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._pending: list[bytes] = []
        self._writes: list[Callable[[bytes], None]] | None = None
        self.members: dict[Peer[Any], None] = {}
        self.since = 0.0
        """When the first of the frames that wait was collected, by the loop's clock."""

    def add(self, peer: Peer[Any]) -> None:
        """Add a member from the next frame on; collected frames go only to earlier members."""
        self.flush()
        self.members[peer] = None
        self._writes = None

    def discard(self, peer: Peer[Any]) -> None:
        """Stop writing to this member, including collected frames; flush first to send those."""
        self.members.pop(peer, None)
        self._writes = None

    def put(self, wire: bytes) -> None:
        """Collect a frame's bytes."""
        if not self._pending:
            self.since = self._pace.loop.time()
            self._pace.add(self)
        self._pending.append(wire)
        if (observer := self._pace.deliveries.observer) is not None:
            observer.collected(self)

    def take(self) -> bytes:
        """Return what is collected, which is then written by the caller."""
        pending = self._pending
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        deliveries, members = self._pace.deliveries, len(self.members)
        deliveries.frames += len(pending) * members
        deliveries.bytes += len(data) * members
        pending.clear()
        return data

    def flush(self) -> None:
        """Write what is collected, now."""
        if not self._pending:
            return
        self._pace.discard(self)
        data = self.take()
        started = self._pace.loop.time()
        writes = self._writes
        if writes is None:
            # a new list each time, because a write may cause a member to be discarded
            writes = self._writes = [peer.write_unchecked for peer in self.members]
        waiting = iter(writes)
        write: Callable[[bytes], None] | None = None
        while True:
            try:
                for write in waiting:
                    write(data)
                break
            except Exception as error:  # noqa: BLE001 - one connection's failure must not be the next one's
                self._fail(write, error)
        deliveries = self._pace.deliveries
        deliveries.seconds.observe(self._pace.wrote(started) - self.since)
        if deliveries.observer is not None:
            deliveries.observer.written(self, len(self.members))

    def _fail(self, write: Callable[[bytes], None] | None, error: Exception) -> None:
        """Close the connection that ``write`` belongs to, because it missed a frame."""
        with ErrorBoundary("a delivery"):
            raise error
        for peer in list(self.members):
            if peer.write_unchecked == write:
                peer.fail()

    def close(self) -> None:
        """Drop what is collected: there are no members left."""
        self._pace.discard(self)
        if self._pace.deliveries.observer is not None:
            self._pace.deliveries.observer.forget(self)
        self._pending.clear()
        self.members.clear()
        self._writes = None
