"""A connected person, as a program sees them.

A program pushes frames to a peer and adds it to topics; it cannot answer, which the dispatcher does. Nothing
is sent before the greeting or after the end. A peer that cannot be served completely is closed (``fail``):
its client reconnects and reads what it missed.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from parlour_protocol.kit.errors import INTERNAL_ERROR, CloseCode, ErrorCode
from parlour_protocol.kit.frames import Push
from parlour_protocol.kit.ids import ConnectionId, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_server.core.connections.connection import PeerConnection, text_frame
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.pushes import checked_push
from parlour_server.core.errors import RefusedError

S = TypeVar("S")

_EARLY_BYTES: Final = 1_048_576
"""The most bytes that may be pushed before the greeting is sent."""
TOPICS: Final = 1_000
"""The most topics of one peer: a person must not make a server keep any number of them."""


class Subscription(Protocol):
    """A peer's interest in a topic, or in a log that it follows. Two that are equal are one."""

    def add(self, peer: "Peer[Any]", /) -> None:
        """Begin to write to this peer; it calls it."""
        ...

    def remove(self, peer: "Peer[Any]", /) -> None:
        """End it; the peer calls it."""
        ...


class Peer(Generic[S]):
    """One connection of a person. ``state`` is the program's own, from ``Program.state``."""

    __slots__ = (
        "_connection",
        "_early",
        "_end",
        "_pushes",
        "_topics",
        "address",
        "closed",
        "grant",
        "id",
        "ready",
        "state",
        "user",
        "write_unchecked",
    )

    state: S

    def __init__(
        self,
        connection: PeerConnection,
        pushes: frozenset[type[Push]],
        end: "Callable[[Peer[S], CloseCode], None]",
    ) -> None:
        """Begin before the greeting; ``pushes`` are the frames that a client reads, ``end`` closes."""
        self._connection = connection
        self._pushes = pushes
        self._end = end
        self._early = bytearray()
        self._topics: set[Subscription] = set()
        self.id: ConnectionId = connection.info.id
        self.grant = connection.info.grant
        self.address = connection.info.address
        self.user: UserName = self.grant.user
        self.ready = False
        """The greeting was sent."""
        self.closed = False
        """Ended or closed; nothing more is delivered."""
        self.write_unchecked: Callable[[bytes], None] = self._hold
        """Write frames that a fan-out shares, whatever they are: a program uses ``push`` and topics, which
        send only what its ``Wire`` has as pushes."""

    @property
    def session(self) -> SessionId:
        """The session that opened this connection."""
        return self.grant.session

    @property
    def device(self) -> DeviceName:
        """The name that the person gave to the device."""
        return self.grant.device

    @property
    def topics(self) -> frozenset[Subscription]:
        """What it gets now."""
        return frozenset(self._topics)

    def push(self, frame: Push) -> None:
        """Send one of the program's pushes. Never raises: one that clients can't read ends the connection."""
        if not self.closed:
            with ErrorBoundary("a push", self.fail):
                payload = checked_push(frame, self._pushes)
                if self.ready:
                    self._connection.send(frame)
                else:
                    self._hold(text_frame(payload))

    def add(self, *topics: Subscription) -> None:
        """Get what is published to these topics from now on. Raises RefusedError above ``TOPICS`` of them."""
        if not self.closed:
            new = [topic for topic in dict.fromkeys(topics) if topic not in self._topics]
            _refuse_too_many(len(self._topics) + len(new))
            for topic in new:
                self._topics.add(topic)
                topic.add(self)

    def remove(self, *topics: Subscription) -> None:
        """Get nothing more of these topics."""
        for topic in topics:
            if topic in self._topics:
                self._topics.discard(topic)
                topic.remove(self)

    def only(self, *topics: Subscription) -> None:
        """Get what is published to these topics, and to no others. Raises RefusedError above ``TOPICS``."""
        _refuse_too_many(len(set(topics)))
        self.remove(*self._topics.difference(topics))
        self.add(*topics)

    def fail(self) -> None:
        """Close the connection, because something could not be delivered to it."""
        self._end(self, INTERNAL_ERROR)

    def greeted(self) -> None:
        """Write what was pushed meanwhile; the greeting was just sent. The service calls it."""
        self.ready = True
        self.write_unchecked = self._connection.write
        if self._early:
            self.write_unchecked(bytes(self._early))
            self._early = bytearray()

    def forget(self) -> None:
        """Leave every topic; nothing more is delivered. The service calls it."""
        self.closed = True
        self.write_unchecked = _drop
        self._early = bytearray()
        self.remove(*self._topics)

    def _hold(self, wire: bytes) -> None:
        if self.ready:  # a fan-out that was added before the greeting
            self.write_unchecked(wire)
        elif not self.closed:
            self._early += wire
            if len(self._early) > _EARLY_BYTES:
                self.fail()


def _refuse_too_many(topics: int) -> None:
    if topics > TOPICS:
        raise RefusedError(ErrorCode.LIMIT_REACHED, f"a connection gets at most {TOPICS:,} topics at a time")


def _drop(wire: bytes) -> None:
    """Write nothing: the connection has ended."""
