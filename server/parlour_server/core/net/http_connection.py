"""HTTP/1.1 with h11: deadlines and limits for requests, the gate in front, and ASGI behind it.

Every request's head passes the gate before the HTTPS API or a program sees any of it. Heads and bodies have
deadlines *in total*, however they trickle (H5); a second request that was sent before the first was answered
is never processed (H9: smuggling); refusals are complete, fixed responses, and the log lines that strangers
can cause are limited (R6).
"""

import asyncio
import traceback
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import h11
from starlette.types import ASGIApp, Message, Scope

from parlour_server.core.accounts.tickets import ConnectionTicket
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.net import http_refusals as refusals
from parlour_server.core.net.connection_slots import Slot
from parlour_server.core.net.gate import HEAD_BYTES, Head, Redeem, Refuse, Rules, ToApi, judge
from parlour_server.core.net.http_refusals import Refusal
from parlour_server.core.net.socket_close import close_soon, forget
from parlour_server.core.net.ticket_redaction import ReadBuffer
from parlour_server.core.net.websocket_upgrade import WebSocketUpgrade
from parlour_server.core.output import log_fault

KEEP_ALIVE_SECONDS: Final = 5
_READ_AHEAD: Final = 64 * 1024  # of a body: reading pauses while this much waits for the application
_TOO_LARGE: Final = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_KNOWN: Final = frozenset(HTTPStatus)
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


@dataclass(frozen=True, slots=True)
class HttpSetup:
    """Shared by all HTTP connections of a server."""

    app: ASGIApp
    rules: Rules
    audit: Audit
    upgrade: WebSocketUpgrade
    buffer: ReadBuffer
    request_seconds: float
    body_seconds: float
    body_bytes_per_second: int
    stalled_seconds: float
    close_seconds: float
    connections: "set[HttpConnection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class _Awaited(Enum):
    """The states that have a deadline."""

    HEAD = auto()
    BODY = auto()


class HttpConnection(asyncio.BufferedProtocol):
    """One HTTP socket, until it is closed or becomes a WebSocket."""

    _transport: asyncio.Transport

    def __init__(self, setup: HttpSetup, slot: Slot, server_key: bytes) -> None:
        """Hold ``slot`` until the socket is closed or handed over.

        ``server_key`` is the digest of the public key that the server shows on this connection.
        """
        self._setup = setup
        self._server_key = server_key
        self._own_ticket = ConnectionTicket()
        self._slot: Slot | None = slot
        self.address = slot.address
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._exchange: _Exchange | None = None
        self._ticket: bytes | None = None
        self._body_size = 0
        self._is_taken = False
        """The gate handles the request instead of the API: nothing more is parsed."""
        self._is_last = False
        self._sent = 0
        """Bytes of the current answer."""
        self._sent_until = 0.0
        """When the peer must have read the last answer, if the connection closes; by the loop's clock."""
        self._awaited: _Awaited | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._keep_alive: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._abort: asyncio.TimerHandle | None = None
        self._must_pause = False
        self._is_paused = False
        self.can_write = asyncio.Event()
        self.can_write.set()

    # called by the transport (asyncio.BufferedProtocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request's head."""
        self._transport = cast("asyncio.Transport", transport)
        self._setup.connections.add(self)
        self._await(_Awaited.HEAD)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that all sockets share; each read is copied from it at once."""
        del sizehint
        return self._setup.buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """Parse a read, unless this socket was refused; a ticket in its head is replaced first."""
        if self._http.their_state is h11.IDLE:
            data, self._ticket = self._setup.buffer.take_head(nbytes)
        else:
            data = self._setup.buffer.take(nbytes)
        if self._is_done():
            return
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self._http.receive_data(data)
        self._handle_events()
        if not self._is_done():
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the application, and release the slot."""
        del exc
        self._setup.connections.discard(self)
        forget(self._transport)
        self._await(None)
        for timer in (self._abort, self._stalled, self._keep_alive):
            if timer is not None:
                timer.cancel()
        if self._exchange is not None:
            self._exchange.end()
            self._exchange = None
        self.can_write.set()
        if self._slot is not None:
            self._slot.release()

    def eof_received(self) -> None:
        """Close as after an answer: the transport would do it without our timer."""
        self._close()

    def pause_writing(self) -> None:
        """Give the peer some time to read: one that reads nothing is cut off (R2)."""
        self.can_write.clear()
        if self._stalled is None:
            self._stalled = self._loop.call_later(self._setup.stalled_seconds, self._too_late)

    def resume_writing(self) -> None:
        """Resume writing: the peer has read most of the unsent bytes."""
        self.can_write.set()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # called by the server

    def shutdown(self) -> None:
        """Close after the current response is sent, or now.

        An idle peer answers TLS's close_notify only when it next looks; nothing is lost without that.
        """
        if self._exchange is not None:
            self._is_last = True
            return
        self._close()
        if not self._transport.get_write_buffer_size():
            self._loop.call_soon(self._transport.abort)

    def abort(self) -> None:
        """Drop the socket now."""
        self._transport.abort()

    # called by an exchange

    def write(self, *events: h11.Event) -> None:
        """Write a part of the response. Raises h11.LocalProtocolError if it is out of order."""
        data = b"".join(self._http.send(event) or b"" for event in events)
        self._sent += len(data)
        self._transport.write(data)

    @property
    def wants_continue(self) -> bool:
        """Whether the peer waits for `100 Continue` before it sends the body."""
        return self._http.they_are_waiting_for_100_continue and not self._transport.is_closing()

    def read_on(self) -> None:
        """Read more of the body."""
        self._must_pause = False
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Stop reading after the current read, unless there is a reason to continue by then.

        When reading stops in the middle of a read, aiofastnet 1.2 leaves decrypted data in its buffer until
        more arrives from the network, so the end of an upload would wait until its deadline. Between two
        reads the buffer is empty.
        """
        if not self._must_pause:
            self._must_pause = True
            self._loop.call_soon(self._stop_reading)

    def answered(self) -> None:
        """Continue with the next request only if this one was read completely, and nothing followed it."""
        self._exchange = None
        self._await(None)
        # How much of it is unsent no transport tells: asyncio's TLS doesn't count what the socket below has.
        seconds = min(self._sent / self._setup.body_bytes_per_second, self._setup.stalled_seconds)
        self._sent, self._sent_until = 0, self._loop.time() + seconds
        is_whole = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not is_whole or self._http.trailing_data[0] or self._is_last:
            self._close()
        elif not self._transport.is_closing():
            self._keep_alive = self._loop.call_later(KEEP_ALIVE_SECONDS, self._close)
            self._http.start_next_cycle()
            self.read_on()

    # inside

    def _handle_events(self) -> None:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                traceback.clear_frames(error.__traceback__)  # one of h11's frames refers back to the error
                is_large = error.error_status_hint == _TOO_LARGE
                self._refuse(refusals.TOO_LARGE if is_large else refusals.BAD_REQUEST)
                return
            if isinstance(event, h11.Request):
                if not self._begin(event):
                    return
            elif isinstance(event, h11.Data) and self._exchange is not None:
                self._exchange.add(event.data)
            elif isinstance(event, h11.EndOfMessage) and self._exchange is not None:
                self._exchange.end_body()
            else:
                if event is h11.PAUSED:  # a pipelined request closes the connection
                    self.pause_reading()
                return

    def _begin(self, request: h11.Request) -> bool:
        """Judge a request whose head was just parsed. False: the API does not handle it."""
        path, _, query = request.target.partition(b"?")
        target = path + b"?" + query if query else path
        head = Head(request.method, target, request.http_version, list(request.headers), self._ticket)
        decision = judge(head, self._setup.rules)
        if isinstance(decision, ToApi):
            self._body_size = head.body_size()
            self._exchange = _Exchange(self, self._scope(head, path, query))
            self._run(self._serve(self._exchange))
            return True
        self._is_taken = True
        if isinstance(decision, Refuse) and not decision.burn:
            self._refuse(decision.refusal)
        elif self._http.trailing_data[0]:
            # H9: a client must wait for our answer; early data is not part of a WebSocket
            self._refuse(refusals.BAD_REQUEST)
        else:
            self._transport.pause_reading()
            self._run(self._redeem(decision))
        return False

    def _scope(self, head: Head, path: bytes, query: bytes) -> Scope:
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": head.version.decode("ascii"),
            "server": None,
            "client": (self.address, 0),  # the port is not needed
            "scheme": "https",
            "method": head.method.decode("ascii"),
            "root_path": "",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "headers": head.headers,
            "extensions": {ConnectionTicket.EXTENSION: self._own_ticket},
        }

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._setup.tasks.add(task)
        task.add_done_callback(self._setup.tasks.discard)

    async def _serve(self, exchange: "_Exchange") -> None:
        """Let the application answer. An unfinished response ends the connection."""
        try:
            await self._setup.app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the application's fault must not be the server's
            log_fault("http", error)
        if self._exchange is exchange:
            self._close()

    async def _redeem(self, decision: Redeem | Refuse) -> None:
        """Open the WebSocket if the ticket is valid. The request's deadline keeps running."""
        upgrade = self._setup.upgrade
        try:
            found = await upgrade.redeem(decision, self._server_key, self._own_ticket, self.address)
            if isinstance(found, Refusal):
                self._refuse(found)
            elif refusal := upgrade.admit(found, self.address):
                self._refuse(refusal)
            elif isinstance(decision, Redeem) and (slot := self._hand_over()) is not None:
                upgrade.open(found, self._transport, slot, decision.answer)
        except Exception as error:  # noqa: BLE001 - whatever it was, no socket may be left in between
            log_fault("upgrade", error)
            self._transport.abort()

    def _hand_over(self) -> Slot | None:
        """Stop being this socket's protocol. Returns the slot, or None when the socket has closed."""
        if self._transport.is_closing():
            return None
        self._setup.connections.discard(self)
        self._await(None)
        slot, self._slot = self._slot, None
        return slot

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with a fixed response and close."""
        if not self._transport.is_closing():
            self._record(refusal.reason)
            self._transport.write(refusal.wire)
            self._close()

    def _is_done(self) -> bool:
        """Return whether further data is ignored."""
        return self._is_taken or self._transport.is_closing()

    def _stop_reading(self) -> None:
        if self._must_pause and not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _watch(self) -> None:
        """Set or clear the deadline by the state of the request."""
        match self._http.their_state:
            case h11.IDLE:
                self._await(_Awaited.HEAD)
            case h11.SEND_BODY:
                self._await(_Awaited.BODY)
            case _:
                self._await(None)

    def _await(self, awaited: _Awaited | None) -> None:
        if awaited is self._awaited:
            return  # another byte does not restart a running deadline (H5)
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited is not None:
            self._deadline = self._loop.call_later(self._seconds_for(awaited), self._too_late)

    def _seconds_for(self, awaited: _Awaited) -> float:
        if awaited is _Awaited.HEAD:
            return self._setup.request_seconds
        # The gate has checked that the operation allows this length.
        return self._setup.body_seconds + self._body_size / self._setup.body_bytes_per_second

    def _record(self, reason: str) -> None:
        self._setup.audit.record(AuditEvent.HANDSHAKE_REFUSED, reason=reason, address=self.address)

    def _too_late(self) -> None:
        self._record("too_slow")
        self._transport.abort()

    def _close(self) -> None:
        self._await(None)
        if self._abort is None:
            seconds = self._setup.close_seconds + max(0.0, self._sent_until - self._loop.time())
            self._abort = close_soon(self._loop, self._transport, seconds)


class _Exchange:
    """One request and its answer, as an ASGI application receives and sends them."""

    def __init__(self, connection: HttpConnection, scope: Scope) -> None:
        self.scope = scope
        self._connection = connection
        self._body = bytearray()
        self._has_more = True
        self._changed = asyncio.Event()
        self._head: tuple[h11.Response, ...] = ()
        self._has_begun = False
        self._is_over = False

    def add(self, data: bytes) -> None:
        """Keep a piece of the body until the application takes it."""
        self._body += data
        if len(self._body) > _READ_AHEAD:
            self._connection.pause_reading()
        self._changed.set()

    def end_body(self) -> None:
        """Record that the body is complete."""
        self._has_more = False
        self._changed.set()

    def end(self) -> None:
        """Record that the response is complete or the peer has disconnected."""
        self._is_over = True
        self._changed.set()

    async def receive(self) -> Message:
        """Return the body's bytes since the last call, or that it has ended."""
        if not self._has_begun and self._connection.wants_continue:
            self._connection.write(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        if not self._is_over:
            self._connection.read_on()
            await self._changed.wait()
            self._changed.clear()
        if self._is_over:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self._has_more}

    async def send(self, message: Message) -> None:
        """Write the response; its head is sent together with the first piece of its body."""
        await self._connection.can_write.wait()
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            status = message["status"]
            reason = HTTPStatus(status).phrase.encode("ascii") if status in _KNOWN else b""
            self._head = (h11.Response(status_code=status, headers=message["headers"], reason=reason),)
            self._has_begun = True
            return
        data = h11.Data(b"" if self.scope["method"] == "HEAD" else message.get("body", b""))
        head, self._head = self._head, ()
        if message.get("more_body"):
            self._connection.write(*head, data)
        else:
            self._connection.write(*head, data, h11.EndOfMessage())
            self.end()
            self._connection.answered()
