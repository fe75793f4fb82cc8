"""One WebSocket connection: RFC 6455 on one side, ``PeerConnection`` on the other.

It parses with websockets' sans-I/O ``ServerProtocol`` (no compression, one frame at most of a request's
size), passes complete text messages to the connection service, and writes what it is given. No task, no
stream, no lock: an idle connection costs only memory. ``ConnectionRegistry`` holds all that are open.

* After ``end`` nothing is delivered in either direction, and the socket closes soon, whatever the peer does.
* A peer that does not read is cut off, never waited for.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from parlour_protocol.kit import frames
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import TOO_SLOW, CloseCode
from parlour_protocol.kit.limits import REQUEST_FRAME
from parlour_protocol.kit.names import UserName
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.connections.connection import ConnectionInfo, text_frame
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.net.connection_slots import Slot
from parlour_server.core.net.message_assembler import MessageAssembler, MessageError
from parlour_server.core.net.quiet_logger import quiet_logger
from parlour_server.core.net.send_buffer import SendBuffer
from parlour_server.core.net.socket_close import abort_after, forget
from parlour_server.core.net.ticket_redaction import ReadBuffer

_SLICE: Final = 8 * 1024  # parsed at once: 1,400 frames of the smallest kind, some milliseconds
_PING: Final = bytes((0x80 | Opcode.PING, 0))
_ABNORMAL: Final = 1006  # RFC 6455 section 7.4.1: the close code of a broken connection
_log: Final = quiet_logger("websocket")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of every connection."""

    unsent_bytes: int
    close_seconds: float


class WebSocketConnection(asyncio.BufferedProtocol):
    """A ``PeerConnection``. It lives from the handshake's response until its socket is closed."""

    __slots__ = (
        "_assembler",
        "_buffer",
        "_ended",
        "_limits",
        "_loop",
        "_registry",
        "_sending",
        "_service",
        "_timer",
        "_transport",
        "_ws",
        "info",
        "share",
        "silence",
        "write",
    )

    def __init__(
        self,
        info: ConnectionInfo,
        transport: asyncio.Transport,
        service: ConnectionService[Any],
        registry: "ConnectionRegistry",
        limits: Limits,
        buffer: ReadBuffer,
    ) -> None:
        """Take over ``transport`` after the handshake; it is read into ``buffer``."""
        self._buffer = buffer
        self.info = info
        self.share = 0  # the beat of the ping timer that pings it
        self.silence = 0
        """Beats of the ping timer since the peer sent anything."""
        self._service = service
        self._registry = registry
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._sending = SendBuffer(self._loop, transport, limits.unsent_bytes, self._overflow)
        self.write = self._sending.put_now
        """Write encoded frames; cuts the peer off when too much is unsent."""
        self._assembler = MessageAssembler()
        self._ws = ServerProtocol(state=State.OPEN, max_size=REQUEST_FRAME.value, logger=_log)
        self._ended: CloseCode | None = None
        self._timer: asyncio.TimerHandle | None = None

    # called by the connection service

    def send(self, frame: frames.Frame) -> int:
        """Send one frame to this peer, at the end of this loop iteration; return its bytes."""
        if self._ended is not None:
            return 0
        wire = text_frame(encode(frame))
        self._sending.put(wire)
        return len(wire)

    def end(self, code: CloseCode) -> None:
        """Close with ``code``; by force after ``close_seconds`` (S2: a peer that does not read)."""
        if self._ended is not None:
            return
        self._stop(code)
        if self._ws.state is State.OPEN:
            self._ws.send_close(code, code.meaning)
        self._pass_on()

    # called by the ping timer

    def ping(self) -> None:
        """Send a ping."""
        if self._ended is None:
            self._assembler.allow_controls()
            self._sending.put(_PING)

    def give_up(self) -> None:
        """Drop a peer that was silent for too long (R3)."""
        if self._ended is None:
            self._cut_off("keepalive")

    def abort(self) -> None:
        """Drop the socket now."""
        self._transport.abort()

    # called by the transport (asyncio.BufferedProtocol)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that all sockets share; each read is copied from it at once."""
        del sizehint
        return self._buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """Parse a little at a time, so that a flood of tiny frames is noticed before it costs much."""
        data = self._buffer.take(nbytes)
        self.silence = 0
        for part in _slices(data):
            self._ws.receive_data(part)
            for event in self._ws.events_received():
                if isinstance(event, Frame):
                    self._receive(event)
            self._pass_on()

    def eof_received(self) -> None:
        """Record that the peer has closed its side."""
        self._ws.receive_eof()
        self._pass_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the connection service and the registry; nothing refers to this connection afterwards."""
        del exc  # the reason does not matter
        self._sending.close()
        forget(self._transport)
        self._stop(self._code_received())
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._registry.remove(self, self._ended or _ABNORMAL)
        finally:
            self._service.closed(self)
            _release(self._ws)

    # inside

    def _receive(self, frame: Frame) -> None:
        if self._ended is not None:
            return
        try:
            message = self._assembler.receive(frame)
        except MessageError as error:
            self._ws.fail(error.code, error.code.meaning)
            self._stop(error.code)
            return
        if message is not None:
            self._service.received(self, message)

    def _pass_on(self) -> None:
        """Write the WebSocket layer's frames: pongs and close frames."""
        closing = self._ws.state is not State.OPEN
        if closing:
            self._stop(self._code_received())
        for data in self._ws.data_to_send():
            if data:
                self._sending.put(data)
            else:
                self._sending.flush()
                self._transport.close()
        if closing:
            self._sending.flush()
            self._arm()

    def _arm(self) -> None:
        """Set the deadline for closing by force; every way of closing calls this."""
        if self._timer is None:
            self._timer = abort_after(self._loop, self._transport, self._limits.close_seconds)

    def _stop(self, code: CloseCode) -> None:
        """Stop delivering; earlier frames are sent first. Idempotent."""
        if self._ended is None:
            self._sending.flush()
        if self._ended is None:
            self._ended = code
            self._sending.stop_accepting()

    def _code_received(self) -> CloseCode:
        received = self._ws.close_rcvd or self._ws.close_sent
        return CloseCode(received.code if received else _ABNORMAL, "")

    def _overflow(self) -> None:
        self._cut_off("unsent_bytes")

    def _cut_off(self, limit: str) -> None:
        self._ended = TOO_SLOW
        self._sending.close()
        self._registry.cut_off(self, limit)
        self._transport.abort()


class ConnectionRegistry:
    """All open WebSocket connections of one server, by account.

    Every connection is registered from its first byte until its socket is closed. Openings and closings are
    recorded here.
    """

    def __init__(self, audit: Audit, hits: LimitHits) -> None:
        """Begin empty; ``hits`` counts connections over a limit."""
        self._audit = audit
        self.hits: Final = hits
        self._slots: dict[WebSocketConnection, Slot] = {}
        self._by_user: dict[UserName, int] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[WebSocketConnection]:
        """Iterate over a copy, so that connections may close meanwhile."""
        return iter(tuple(self._slots))

    def count_of(self, user: UserName) -> int:
        """Return how many connections the account has open."""
        return self._by_user.get(user, 0)

    def add(self, connection: WebSocketConnection, slot: Slot) -> None:
        """Register a connection and its slot."""
        grant = connection.info.grant
        self._slots[connection] = slot
        self._added += 1
        connection.share = self._added
        self._by_user[grant.user] = self.count_of(grant.user) + 1
        self._record(AuditEvent.CONNECTION_OPENED, connection, address=slot.address)

    def cut_off(self, connection: WebSocketConnection, limit: str) -> None:
        """Record that a connection broke a limit."""
        self.hits.hit("connections.ping_seconds" if limit == "keepalive" else f"connections.{limit}")
        self._record(AuditEvent.LIMIT_HIT, connection, limit=limit)

    def remove(self, connection: WebSocketConnection, code: int) -> None:
        """Remove a connection and release its slot."""
        slot = self._slots.pop(connection, None)
        if slot is None:
            return
        grant = connection.info.grant
        self._by_user[grant.user] -= 1
        if not self._by_user[grant.user]:
            del self._by_user[grant.user]
        slot.release()
        self._record(AuditEvent.CONNECTION_CLOSED, connection, code=int(code))

    def _record(self, event: AuditEvent, connection: WebSocketConnection, **fields: str | int) -> None:
        info = connection.info
        self._audit.record(
            event, connection=info.id, user=str(info.grant.user), session=info.grant.session, **fields
        )


def _release(ws: ServerProtocol) -> None:
    """Break the reference cycles of a finished protocol, so that its memory is freed at once.

    Its parser is a generator that refers to it, and so does the traceback of the error that ended it. Neither
    attribute is documented: `tests/server/core/net/test_memory.py` fails when they no longer do this.
    """
    ws.parser.close()
    ws.parser_exc = None


def _slices(data: bytes) -> Iterator[bytes]:
    if len(data) <= _SLICE:
        yield data
        return
    for start in range(0, len(data), _SLICE):
        yield data[start : start + _SLICE]
