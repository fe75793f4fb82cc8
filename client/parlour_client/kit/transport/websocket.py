"""The one WebSocket: opened with a ticket that is used for this connection only.

The ticket is requested on the TLS connection that becomes the WebSocket, and opens nothing anywhere else
(K51); a session with a key proves it (K50). It uses no proxy, follows no redirect, accepts no compression,
limits text frames to the protocol's size and requires the program's subprotocol in the answer. The library
masks every frame with a fresh random key (RFC 6455 section 5.3). Its log is disabled: its details would
contain tickets and texts.
"""

import asyncio
import logging
from functools import partial
from typing import Any, Final, cast

import h11
from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers, HeadersLike
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from parlour_client.kit.errors import (
    CertificateError,
    ParlourClientError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_client.kit.language import _
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_client.kit.transport.http_exchange import HttpExchange
from parlour_client.kit.transport.https import MAX_ANSWER, refusal, understood
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import Pin, Verifier, security_words, unreachable
from parlour_protocol.kit.api import TicketIssued, TicketRequest, encode_payload
from parlour_protocol.kit.certificates import public_key_digest
from parlour_protocol.kit.limits import SERVER_FRAME
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Redemption
from parlour_protocol.kit.wire import Wire

OPEN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0
PING_SECONDS: Final = 20.0
"""How often the server is pinged, and how long its pong may take: a silent network is noticed after twice
that and ``_CLOSE_SECONDS``, or when a request times out (``conversation``)."""
_QUEUED_FRAMES: Final = 64

_quiet: Final = logging.getLogger("parlour.websocket")
_quiet.setLevel(logging.CRITICAL)  # K7: below it, the library writes headers and payloads
_quiet.propagate = False
_quiet.addHandler(logging.NullHandler())


class _Direct(connect):
    """``connect`` that follows no redirect: a ticket must not be sent to another server (T5)."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Treat every answer but 101 as the end."""
        return exc


class _Connection(ClientConnection):
    """A connection that gets its ticket before the handshake, unless it has one already.

    It does not wait for a server which leaves TCP open after the WebSocket has ended: the library's ``recv``
    waits for the end of TCP without a deadline of its own (F8).
    """

    _cutting = False
    _exchange: HttpExchange | None = None

    def __init__(self, *arguments: Any, session: Session, ticket: Secret | None, **options: Any) -> None:
        """Redeem ``ticket``, or one that this connection gets for ``session``."""
        super().__init__(*arguments, **options)
        self._session = session
        self._ticket = ticket
        self._answered = self.loop.create_future()

    async def handshake(
        self, additional_headers: HeadersLike | None = None, user_agent_header: str | None = None
    ) -> None:
        """Get the ticket and redeem it. Raises ParlourClientError besides the library's errors."""
        request = self.protocol.connect()
        host = request.headers["Host"]
        ticket = self._ticket or await self._get_ticket(host)
        headers = Headers(additional_headers or ())
        headers["Authorization"] = f"Bearer {ticket.reveal()}"
        if self._session.key is not None:
            redemption = Redemption(ticket.digest(), host.lower(), self._server_key(), request.path)
            headers[PROOF_HEADER] = self._session.key.prove(redemption).text
        await super().handshake(headers, user_agent_header)

    def data_received(self, data: bytes) -> None:
        """Take bytes; if they end the WebSocket, close TCP after a moment."""
        if self._exchange is not None:
            self._take_answer(self._exchange, data)
            return
        super().data_received(data)
        if not self._cutting and self.protocol.close_expected():
            self._cutting = True
            self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)

    def eof_received(self) -> None:
        """Take the end of the server's bytes."""
        if self._exchange is not None and not self._answered.done():
            self._answered.set_exception(UnreachableError(_("The connection was lost.")))
        super().eof_received()

    async def _get_ticket(self, host: str) -> Secret:
        body = encode_payload(TicketRequest(here=True))
        headers = {
            "Host": host,
            "Authorization": f"Bearer {self._session.token.reveal()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": "parlour",
        }
        request = h11.Request(method="POST", target="/v1/tickets", headers=list(headers.items()))
        exchange = self._exchange = HttpExchange(request, body, MAX_ANSWER)
        self.transport.write(exchange.to_send)
        waits = (self._answered, self.connection_lost_waiter)
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not self._answered.done():
            raise UnreachableError(_("The connection was lost."))
        self._answered.result()
        self._exchange = None
        if exchange.status >= 300:  # noqa: PLR2004 - HTTP: not a success; a redirect is never followed (T5)
            raise refusal(exchange.status, exchange.body)
        issued = understood(TicketIssued, exchange.body)
        if not issued.here or not exchange.keeps_open:
            raise _OtherConnectionError(issued.ticket)
        return issued.ticket

    def _take_answer(self, exchange: HttpExchange, data: bytes) -> None:
        try:
            exchange.receive(data)
        except ServerMisbehavedError as error:
            if not self._answered.done():
                self._answered.set_exception(error)
            return
        if exchange.is_complete and not self._answered.done():
            self._answered.set_result(None)

    def _server_key(self) -> bytes:
        leaf: bytes = self.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        try:
            return public_key_digest(leaf)
        except ValueError as error:
            raise ServerMisbehavedError(_("The server does not open a WebSocket as it should.")) from error


class _OtherConnectionError(Exception):
    """The ticket has to be redeemed on another connection, because this one ends."""

    def __init__(self, ticket: Secret) -> None:
        super().__init__()
        self.ticket = ticket


class WebSocket:
    """One open WebSocket."""

    def __init__(self, socket: ClientConnection, security: str) -> None:
        self._socket = socket
        self.security = security

    async def receive(self) -> bytes:
        """Wait for the next frame. Raises SocketClosedError, ServerMisbehavedError."""
        try:
            data = await self._socket.recv()
        except ConnectionClosed as error:
            raise _closed(error) from error
        if isinstance(data, bytes):
            raise ServerMisbehavedError(_("The server sent a binary frame."))
        return data.encode()

    async def send(self, data: bytes) -> None:
        """Send one text frame. Raises SocketClosedError."""
        try:
            await self._socket.send(data, text=True)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def close(self) -> None:
        """Close, within twice ``_CLOSE_SECONDS`` even when the server neither answers nor reads.

        The library has no deadline of its own while earlier bytes can't be sent, and leaves TCP open when it
        is cancelled.
        """
        try:
            async with asyncio.timeout(2 * _CLOSE_SECONDS):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()
        except asyncio.CancelledError:
            self._socket.transport.abort()
            raise


_OUR_COMPLAINTS: Final = {1002, 1007, 1009}


def _closed(error: ConnectionClosed) -> ParlourClientError:
    ours = error.sent.code if error.sent and not error.rcvd_then_sent else None
    if ours in _OUR_COMPLAINTS:
        return ServerMisbehavedError(_("The server violated the WebSocket protocol."))
    return SocketClosedError(error.rcvd.code if error.rcvd else None)


async def open_socket(
    wire: Wire[Any, Any],
    verifier: Verifier,
    session: Session,
    ticket: Secret | None = None,
    *,
    ping_seconds: float = PING_SECONDS,
) -> WebSocket:
    """Get a ticket, unless there is one, and open a connection with it.

    Raises TrustError, UnreachableError, SessionEndedError.
    """
    try:
        return await _open(wire, verifier, session, ticket, ping_seconds)
    except _OtherConnectionError as other:
        return await _open(wire, verifier, session, other.ticket, ping_seconds)
    except CertificateError:
        if not isinstance(verifier.trust, Pin):
            raise
    verifier.forget()  # the leaf may have been renewed under the same key since it was probed
    return await _open(wire, verifier, session, ticket, ping_seconds)


async def _open(
    wire: Wire[Any, Any], verifier: Verifier, session: Session, ticket: Secret | None, ping_seconds: float
) -> WebSocket:
    address = verifier.address
    try:
        socket = await _Direct(
            f"wss://{address.authority}{wire.path}",
            ssl=await verifier.context(),
            proxy=None,
            compression=None,
            subprotocols=[Subprotocol(wire.subprotocol)],
            user_agent_header="parlour",
            open_timeout=OPEN_SECONDS,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            close_timeout=_CLOSE_SECONDS,
            max_size=SERVER_FRAME.value,
            max_queue=_QUEUED_FRAMES,
            logger=_quiet,
            create_connection=cast("type[_Connection]", partial(_Connection, session=session, ticket=ticket)),
        )
    except InvalidStatus as error:
        raise _refused(error.response.status_code) from error
    except InvalidHandshake as error:
        raise ServerMisbehavedError(_("The server does not open a WebSocket as it should.")) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise unreachable(address, error) from error
    if socket.subprotocol != wire.subprotocol:
        socket.transport.abort()
        raise ServerMisbehavedError(
            _("The server does not speak {subprotocol}.").format(subprotocol=wire.subprotocol)
        )
    return WebSocket(socket, _security(verifier, socket))


def _refused(status: int) -> ParlourClientError:
    if status == 401:  # noqa: PLR2004 - HTTP; whether the session ended, the next ticket tells
        return UnreachableError(
            _("The server did not accept the ticket."), _("It will be tried again with a new one.")
        )
    if status == 503:  # noqa: PLR2004 - HTTP
        return UnreachableError(_("The server has too many connections now."), _("It will be tried again."))
    if status == 421:  # noqa: PLR2004 - HTTP
        return ServerMisbehavedError(
            _("The server does not accept this host name."),
            _("Its owner can add it to names in [listen] of the server's settings."),
        )
    return ServerMisbehavedError(
        _("The server answered with HTTP status {status} where it should open a WebSocket.").format(
            status=status
        )
    )


def _security(verifier: Verifier, socket: ClientConnection) -> str:
    tls = socket.transport.get_extra_info("ssl_object")
    return security_words(verifier.trust, tls.version())
