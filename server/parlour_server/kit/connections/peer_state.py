"""The chat's state for one connection.

``PeerState`` holds the connection's state machine, its rate limits, its queue of requests, and its rooms.
`chat_service.py` creates it, `hub.py` fills its rooms.

A connection that cannot be served completely is closed (``fail``); its client reconnects and reads what it
missed.
"""

from collections import deque
from collections.abc import Callable

from parlour_protocol.frames.replies import Error, Hello, Ok
from parlour_protocol.frames.requests import AnyRequest
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.connection_state import ConnectionState, Side
from parlour_protocol.kit.errors import INTERNAL_ERROR, CloseCode
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Status
from parlour_server.kit.connections.error_boundary import ErrorBoundary
from parlour_server.kit.connections.peer import Peer
from parlour_server.kit.connections.request_budgets import ConnectionBudget


class PeerState:
    """One connection as the chat sees it."""

    __slots__ = (
        "_end",
        "asked",
        "budget",
        "busy",
        "closed",
        "entered",
        "expects",
        "info",
        "peer",
        "queue",
        "ready",
        "requests",
        "rooms",
        "session",
        "status",
        "strikes",
        "user",
    )

    def __init__(
        self, peer: Peer, budget: ConnectionBudget, end: "Callable[[PeerState, CloseCode], None]"
    ) -> None:
        """Begin before the hello, in no room; ``end`` closes the connection."""
        self._end = end
        self.peer = peer
        self.info = peer.info
        self.user = peer.info.grant.user
        self.budget = budget
        self.session = ConnectionState(Side.SERVER)
        self.ready = False
        """The hello was sent; events may follow."""
        self.closed = False
        """Ended or closed; nothing more may be delivered."""
        self.busy = False
        """A request is waiting for the store; later ones wait in ``queue``."""
        self.queue: deque[AnyRequest] = deque()
        self.rooms: dict[RoomId, Seq] = {}
        """Rooms whose events this connection gets, and the head at which each began. Only the hub writes."""
        self.entered: set[RoomId] = set()
        """Rooms that the user entered while this connection was not ready yet."""
        self.requests: set[RoomId] = set()
        """Rooms that the user has not accepted; their members do not see the user's presence."""
        self.asked: set[RoomId] = set()
        """Rooms whose invitation changed while this connection was not ready yet."""
        self.expects: RoomId | None = None
        """A room that the running request enters: its answer contains the summary, so it is not pushed."""
        self.status = Status.ONLINE
        self.strikes = 0

    @property
    def visible_rooms(self) -> set[RoomId]:
        """The rooms that may know whether the user is here."""
        return self.rooms.keys() - self.requests

    def answer(self, frame: Ok | Error) -> int:
        """Answer a request in flight, unless the connection is gone. Returns its bytes; never raises."""
        size = 0
        if not self.closed:
            with ErrorBoundary("an answer", self.fail):
                self.session.sent(frame)
                size = self.peer.send(frame)
        return size

    def greet(self, hello: Hello) -> None:
        """Send the hello; the connection is ready."""
        self.session.sent(hello)
        self.peer.send(hello)
        self.ready = True

    def push(self, frame: Frame) -> None:
        """Send this connection an event or notification. Never raises."""
        if not self.closed:
            with ErrorBoundary("a push", self.fail):
                self.peer.send(frame)

    def fail(self) -> None:
        """Close the connection, because something could not be delivered to it."""
        self._end(self, INTERNAL_ERROR)
