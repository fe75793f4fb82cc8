"""HTTP/1.1: uvicorn's parser and ASGI bridge, with deadlines, caps and the gate put in front.

Every request's head goes through the gate before the HTTPS API or the chat sees any of it. What uvicorn
leaves open is closed here: heads and bodies have deadlines *in total*, however they trickle (H5); a second
request that was sent before the first was answered is never processed (H9: smuggling); refusals are whole,
fixed answers, and strangers cause at most a bounded line of log (R6). `net/listener.py` makes one for each
socket that finished its TLS handshake.

uvicorn's protocol class is no documented interface: `tests/server/net/test_pins.py` names what is used of it.
"""

import asyncio
import sys
import traceback
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from parlour_server.audit import Audit, AuditEvent
from parlour_server.net import http_refusals as refusals
from parlour_server.net.body_flow_control import PatientFlow
from parlour_server.net.connection_slots import Slot
from parlour_server.net.gate import HEAD_BYTES, Head, Redeem, Refuse, Rules, judge
from parlour_server.net.http_refusals import Refusal
from parlour_server.net.quiet_logger import quiet_logger
from parlour_server.net.socket_close import close_soon, forget
from parlour_server.net.ticket_redaction import ReadBuffer
from parlour_server.net.websocket_upgrade import WebSocketUpgrade

KEEP_ALIVE_SECONDS: Final = 5
_TOO_LARGE: Final = 431
_log: Final = quiet_logger("http")


def asgi_config(app: Any) -> Config:
    """Return uvicorn's configuration for our use of its protocol: no log, no headers, no proxies."""
    return Config(
        app,
        http=HttpConnection,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # X-Forwarded-For is anybody's to send
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


@dataclass(frozen=True, slots=True)
class HttpSetup:
    """What all HTTP connections of a server share."""

    config: Config
    state: ServerState
    rules: Rules
    audit: Audit
    upgrades: WebSocketUpgrade
    buffer: ReadBuffer
    request_seconds: float
    body_seconds: float
    body_bytes_per_second: int
    stalled_seconds: float
    close_seconds: float


class _Awaited(Enum):
    """What a deadline is set for."""

    HEAD = auto()
    BODY = auto()


class HttpConnection(H11Protocol, asyncio.BufferedProtocol):
    """One socket that speaks HTTP, until it is closed or becomes a WebSocket."""

    def __init__(self, setup: HttpSetup, slot: Slot) -> None:
        """Hold ``slot`` until the socket is closed or handed over."""
        super().__init__(config=setup.config, server_state=setup.state, app_state={})
        self.logger = _log  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        self.access_log = False
        self._setup = setup
        self._slot: Slot | None = slot
        self._address = slot.address
        self._awaited: _Awaited | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._body_size = 0
        self._stalled: asyncio.TimerHandle | None = None
        self._abort: asyncio.TimerHandle | None = None
        self._decision: Redeem | Refuse | None = None
        self._ticket: bytes | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request's head."""
        # What uvicorn does, without asking the kernel for addresses: that costs more than parsing the head
        self.connections.add(self)
        self.transport = transport
        self.flow = PatientFlow(transport, self.loop)
        self.client = (self._address, 0)  # nobody asks for the port
        self.scheme = "https"
        self._await(_Awaited.HEAD)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that all sockets share: each read is taken out of it at once."""
        del sizehint
        return self._setup.buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """Take a read out of the buffer; of a head without the ticket that may be in it."""
        if self.conn.their_state is h11.IDLE:
            data, self._ticket = self._setup.buffer.take_head(nbytes)
        else:
            data = self._setup.buffer.take(nbytes)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Parse, unless this socket was refused already."""
        if self._is_done():
            return
        super().data_received(data)
        if not self._is_done():
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the slot back."""
        super().connection_lost(exc)
        forget(self.transport)
        self._await(None)
        for timer in (self._abort, self._stalled, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        if self._slot is not None:
            self._slot.release()

    def pause_writing(self) -> None:
        """Give the peer some time to take what is unsent: who reads nothing is cut off (R2)."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self._setup.stalled_seconds, self._too_late)

    def resume_writing(self) -> None:
        """Go on writing: the peer has taken most of what was unsent."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # what uvicorn's protocol asks

    def _should_upgrade(self) -> bool:
        """Judge the request whose head was just parsed. True takes it away from the API."""
        head = Head(
            self.scope["method"].encode("ascii"),
            self._target(),
            self.scope["http_version"].encode("ascii"),
            self.headers,
            self._ticket,
        )
        self._body_size = head.body_size()
        decision = judge(head, self._setup.rules)
        if isinstance(decision, Redeem | Refuse):
            self._decision = decision
            return True
        return False

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Do what the gate decided: answer and close, or redeem the ticket."""
        del event  # the gate has seen it
        decision = self._decision
        if isinstance(decision, Refuse) and not decision.burn:
            self.refuse(decision.refusal)
        elif self.conn.trailing_data[0]:
            # H9: a client must wait for our answer; what is here already belongs to no connection of ours
            self.refuse(refusals.BAD_REQUEST)
        elif decision is not None:
            self._setup.upgrades.begin(self, decision)

    def send_400_response(self, msg: str) -> None:
        """Answer what was no HTTP. uvicorn calls this while it handles h11's exception."""
        del msg
        error = sys.exception()
        too_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == _TOO_LARGE
        if error is not None:
            traceback.clear_frames(error.__traceback__)  # one of h11's frames refers back to the error
        self.refuse(refusals.TOO_LARGE if too_large else refusals.BAD_REQUEST)

    def on_response_complete(self) -> None:
        """Go on with the next request only if this one was taken in whole, and nothing came after it."""
        whole = self.conn.our_state is h11.DONE and self.conn.their_state is h11.DONE
        if not whole or self.conn.trailing_data[0]:
            self._close()
        self._await(None)
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close when the answer that is under way is sent, or now."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self._close()
        else:
            cycle.keep_alive = False

    # what Upgrades calls

    @property
    def address(self) -> str:
        """Return the remote address."""
        return self._address

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a fixed response and close."""
        if self.transport.is_closing():
            return
        self._refused(refusal.reason)
        self.transport.write(refusal.wire)
        self._close()

    def hand_over(self) -> Slot | None:
        """Stop being this socket's protocol. Returns the slot, or None when the socket is gone."""
        if self.transport.is_closing():
            return None
        self.connections.discard(self)
        self._await(None)
        slot, self._slot = self._slot, None
        return slot

    # inside

    def _is_done(self) -> bool:
        """Tell whether what else comes is no longer looked at."""
        return self._decision is not None or self.transport.is_closing()

    def _target(self) -> bytes:
        query = self.scope["query_string"]
        return self.scope["raw_path"] + (b"?" + query if query else b"")

    def _watch(self) -> None:
        """Set or clear the deadline by where the request stands."""
        match self.conn.their_state:
            case h11.IDLE:
                self._await(_Awaited.HEAD)
            case h11.SEND_BODY:
                self._await(_Awaited.BODY)
            case _:
                self._await(None)

    def _await(self, awaited: _Awaited | None) -> None:
        if awaited is self._awaited:
            return  # a deadline that runs is not set anew by another byte (H5)
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited is not None:
            self._deadline = self.loop.call_later(self._seconds_for(awaited), self._too_late)

    def _seconds_for(self, awaited: _Awaited) -> float:
        if awaited is _Awaited.HEAD:
            return self._setup.request_seconds
        # The gate has seen the length: it is no longer than its operation allows.
        return self._setup.body_seconds + self._body_size / self._setup.body_bytes_per_second

    def _refused(self, reason: str) -> None:
        self._setup.audit.record(AuditEvent.HANDSHAKE_REFUSED, reason=reason, address=self._address)

    def _too_late(self) -> None:
        self._refused("too_slow")
        self.transport.abort()

    def _close(self) -> None:
        self._await(None)
        if self._abort is None:
            self._abort = close_soon(self.loop, self.transport, self._setup.close_seconds)


def http_protocol(setup: HttpSetup, slot: Slot) -> asyncio.Protocol:
    """Return the protocol of a newly accepted socket."""
    return cast("asyncio.Protocol", HttpConnection(setup, slot))
