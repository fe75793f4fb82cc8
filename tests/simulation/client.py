"""A client that checks everything that it is sent against the log, and the connection that it is sent on."""

import json
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.frames.bodies import Added, Banned, Created, Joined, Kicked, Left
from parlour_protocol.frames.replies import (
    Entered,
    Error,
    Hello,
    LogEvent,
    Ok,
    RoomClosed,
    RoomEntered,
    RoomSummary,
    Stored,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import INTERNAL_ERROR, SESSION_ENDED, CloseCode
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import ConnectionId, RequestId
from parlour_protocol.kit.names import UserName
from parlour_server.core.connections.connection import ConnectionInfo
from parlour_server.core.store.records import SessionRecord, TicketGrant

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World

CAP: Final = 6_000
"""Unsent bytes above which a connection is cut off."""
_LATENCY: Final = 0.003
"""The longest way of a frame, in seconds."""


class View:
    """A room as one connection sees it."""

    def __init__(self, head: int) -> None:
        self.head = head
        """The head of the summary: what is above it must come, once and in order."""
        self.last = head
        self.repeated = 0
        """The last event up to the head that came again."""


class Link:
    """A connection of a client to a server."""

    def __init__(self, client: "Client", node: "Node", number: int) -> None:
        session = client.session
        grant = TicketGrant(
            session=session.id, user=client.user, device=session.device, expires=session.expires
        )
        self.info = ConnectionInfo(ConnectionId(f"{client.name}-{number}"), grant, "192.0.2.7")
        self.client = client
        self.node = node
        self.ended = False
        """No more is delivered."""
        self.reads = True
        self._unsent = 0
        self._arrives = 0.0

    # the server's side

    def send(self, frame: Frame) -> int:
        data = encode(frame)
        self._deliver(data)
        return len(data)

    def write(self, wire: bytes) -> None:
        while wire and not self.ended:
            size, start = wire[1], 2
            if size == 126:
                size, start = int.from_bytes(wire[2:4], "big"), 4
            self._deliver(wire[start : start + size])
            wire = wire[start + size :]

    def end(self, code: CloseCode) -> None:
        self._cut(code)

    def _deliver(self, payload: bytes) -> None:
        if self.ended:
            return
        if not self.reads:
            self._unsent += len(payload)
            if self._unsent > CAP:
                self._cut(INTERNAL_ERROR)
                return
        self.client.received(self, self.client.world.frame(payload))

    def _cut(self, code: CloseCode) -> None:
        """End at once; the server and the client hear of it a little later."""
        if not self.ended:
            self.ended = True
            world = self.client.world
            world.scheduler.after(0.0, _LATENCY, self.client.disconnected, self, code)
            world.scheduler.at(world.scheduler.now, self.node.loop, self.node.service.closed, self)

    # the client's side

    def request(self, data: bytes) -> None:
        """Send a request; those of one connection arrive in order."""
        scheduler = self.client.world.scheduler
        self._arrives = max(self._arrives, scheduler.now + scheduler.random.random() * _LATENCY)
        self._arrives += 1e-9
        scheduler.at(self._arrives, self.node.loop, self.node.service.received, self, data)

    def close(self) -> None:
        """Disconnect, as a client does that is gone without a word."""
        self._cut(INTERNAL_ERROR)

    def drain(self) -> None:
        """Read again."""
        self.reads = True
        self._unsent = 0


class Client:
    """A device of someone. It connects again whenever it was disconnected, to any server."""

    def __init__(self, world: "World", name: str, user: UserName, session: SessionRecord) -> None:
        self.world = world
        self.name = name
        self.user = user
        self.session = session
        self.link: Link | None = None
        self.greeted = False
        self.views: dict[RoomId, View] = {}
        self.connections = 0
        self.wants_connection = True
        self.over = False
        """Its session has ended."""
        self.unanswered: set[RequestId] = set()

    def connect(self) -> None:
        """Connect to one of the servers that run."""
        nodes = self.world.running_nodes
        if self.link is not None or self.over or not self.wants_connection or not nodes:
            return
        node = self.world.scheduler.random.choice(nodes)
        self.connections += 1
        self.link = Link(self, node, self.connections)
        self.world.scheduler.at(self.world.scheduler.now, node.loop, node.service.opened, self.link)

    def disconnect(self) -> None:
        """Close the connection."""
        if self.link is not None:
            self.link.close()

    def disconnected(self, link: Link, code: CloseCode) -> None:
        """Connect again after a moment, unless the session has ended."""
        if self.link is not link:
            return
        self.link = None
        self.greeted = False
        self.views.clear()
        self.unanswered.clear()
        if code == SESSION_ENDED:
            self.over = True
            if self.world.database.is_live(self.session.id):
                self.world.violation(f"{self.name} was closed as if its session had ended")
        self.world.scheduler.after(0.0, 0.3, self.connect)

    def ask(self, tag: str, **fields: Any) -> RequestId | None:
        """Send a request, if connected."""
        if self.link is None or not self.greeted or self.link.ended:
            return None
        request = self.world.new_request()
        self.unanswered.add(request)
        self.link.request(json.dumps({"type": tag, "id": request, **fields}).encode())
        return request

    # what it is sent

    def received(self, link: Link, frame: Frame) -> None:  # noqa: C901 - one case each
        """Check a frame."""
        if link is not self.link:
            return
        self.world.trace(self.name, frame)
        match frame:
            case LogEvent():
                self._event(frame)
            case Hello():
                self.greeted = True
                for summary in frame.rooms:
                    self._begin(summary)
            case RoomEntered():
                self._begin(frame.room)
            case RoomClosed():
                self.views.pop(frame.room, None)
            case Ok():
                self._answered(frame.re)
                if isinstance(frame.result, Entered):
                    self._begin(frame.result.room)
                elif isinstance(frame.result, Stored):
                    self.world.stored(frame.re, frame.result)
            case Error():
                if frame.re is not None:
                    self._answered(frame.re)
                    self.world.refused(frame.re, frame.code)
            case _:
                pass

    def _answered(self, request: RequestId) -> None:
        if request not in self.unanswered:
            self.world.violation(f"{self.name}: {request} was answered twice")
        self.unanswered.discard(request)

    def _begin(self, summary: RoomSummary) -> None:
        if summary.head > self.world.head(summary.room):
            self.world.violation(f"{self.name}: head {summary.head} of {summary.room} is not in the log")
        self.views[summary.room] = View(summary.head)

    def _event(self, event: LogEvent) -> None:
        view = self.views.get(event.room)
        where = f"{self.name}: event {event.seq} of {event.room}"
        if event != self.world.logged(event.room, event.seq):
            self.world.violation(f"{where} is not that of the log")
        elif not self.world.may_see(self.user, event.room, event.seq):
            self.world.violation(f"{where} came to someone who was not a member")
        if view is None:
            self.world.violation(f"{where} came without a summary of the room")
        elif event.seq == view.last + 1:
            view.last = event.seq
        elif event.seq > view.last:
            self.world.violation(f"{where} came after {view.last}")
        elif event.seq > view.head:
            self.world.violation(f"{where} came again, after {view.last}")


def membership_change(event: LogEvent) -> tuple[UserName, bool] | None:
    """Return whose membership an event begins (True) or ends (False)."""
    body = event.body
    match body:
        case Created() | Joined():
            return event.author, True
        case Added():
            return body.who, True
        case Left():
            return event.author, False
        case Kicked() | Banned():
            return body.who, False
        case _:
            return None
