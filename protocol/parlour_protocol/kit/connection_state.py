"""The state machine of a connection: one table, run by both sides.

Each side keeps a ``ConnectionState`` and records every frame that it sends and receives. A frame that is not
in ``TRANSITIONS`` ends the connection (``OutOfOrderError``). No I/O, no clock: a test can run the two sides
against each other. Invariants:

* the server sends ``hello`` first, and only once;
* an answer belongs to a request in flight, and ends it;
* a request's id is not in flight already, and no more than ``IN_FLIGHT`` requests are.

The server does not record events, which go to many connections at once: its fan-out writes only to
connections that are ready, which is all the table requires.
"""

from enum import Enum, auto
from typing import Final

from parlour_protocol.kit.errors import OutOfOrderError
from parlour_protocol.kit.frames import Answer, Frame, Greeting, Push, Request
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.limits import IN_FLIGHT


class State(Enum):
    """The state of a connection after the HTTP upgrade."""

    OPENING = auto()
    """The server has not sent hello yet."""
    READY = auto()
    """Requests, answers and events."""
    CLOSED = auto()
    """Nothing more may be sent."""


class Side(Enum):
    """The sender of a frame."""

    CLIENT = auto()
    SERVER = auto()


class Kind(Enum):
    """The kind of a frame."""

    HELLO = auto()
    REQUEST = auto()
    ANSWER = auto()
    PUSH = auto()
    CLOSE = auto()


TRANSITIONS: Final[dict[tuple[State, Side, Kind], State]] = {
    (State.OPENING, Side.SERVER, Kind.HELLO): State.READY,
    (State.OPENING, Side.SERVER, Kind.CLOSE): State.CLOSED,
    (State.OPENING, Side.CLIENT, Kind.CLOSE): State.CLOSED,
    (State.READY, Side.CLIENT, Kind.REQUEST): State.READY,
    (State.READY, Side.SERVER, Kind.ANSWER): State.READY,
    (State.READY, Side.SERVER, Kind.PUSH): State.READY,
    (State.READY, Side.SERVER, Kind.CLOSE): State.CLOSED,
    (State.READY, Side.CLIENT, Kind.CLOSE): State.CLOSED,
}


def kind_of(frame: Frame) -> Kind:
    """Return the kind of a frame."""
    if isinstance(frame, Request):
        return Kind.REQUEST
    if isinstance(frame, Answer):
        return Kind.ANSWER
    if isinstance(frame, Greeting):
        return Kind.HELLO
    if isinstance(frame, Push):
        return Kind.PUSH
    raise OutOfOrderError(f"{type(frame).__name__} is not a frame of a connection")


class ConnectionState:
    """One side's view of a connection."""

    __slots__ = ("_in_flight", "_side", "state")

    def __init__(self, side: Side) -> None:
        """Begin as ``side``, before the hello."""
        self._side = side
        self.state = State.OPENING
        self._in_flight: set[RequestId] = set()

    @property
    def in_flight(self) -> frozenset[RequestId]:
        """The ids of the requests that are not answered yet."""
        return frozenset(self._in_flight)

    def sent(self, frame: Frame) -> None:
        """Record a frame that this side sends. Raises OutOfOrderError before it goes out."""
        self._step(self._side, frame)

    def received(self, frame: Frame) -> None:
        """Record a frame from the other side. Raises OutOfOrderError: end the connection."""
        self._step(Side.SERVER if self._side is Side.CLIENT else Side.CLIENT, frame)

    def close(self) -> None:
        """Record that the connection ended, by either side."""
        self.state = State.CLOSED
        self._in_flight.clear()

    def _step(self, sender: Side, frame: Frame) -> None:
        kind = kind_of(frame)
        state = TRANSITIONS.get((self.state, sender, kind))
        if state is None:
            raise OutOfOrderError(f"{kind.name.lower()} is not allowed while {self.state.name.lower()}")
        if isinstance(frame, Request):
            self._begin(frame.id)
        elif isinstance(frame, Answer) and frame.re is not None:
            self._end(frame.re)
        self.state = state

    def _begin(self, request: RequestId) -> None:
        if request in self._in_flight:
            raise OutOfOrderError("this request id is still in flight")
        if len(self._in_flight) >= IN_FLIGHT.value:
            raise OutOfOrderError(f"more than {IN_FLIGHT.value} requests in flight")
        self._in_flight.add(request)

    def _end(self, request: RequestId) -> None:
        try:
            self._in_flight.remove(request)
        except KeyError:
            raise OutOfOrderError("an answer to no request") from None
