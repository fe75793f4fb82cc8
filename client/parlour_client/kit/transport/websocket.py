"""The one WebSocket: opened with a ticket that is used for this connection only.

It uses no proxy, follows no redirect, accepts no compression, limits text frames to the protocol's size and
requires the program's subprotocol in the answer. The library masks every frame with a fresh random key
(RFC 6455 section 5.3). Its log is disabled: its details would contain tickets and texts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from parlour_client.kit.errors import (
    CertificateError,
    ParlourClientError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_client.kit.transport.trust import Pin, Verifier, security_words, unreachable
from parlour_protocol.kit.limits import SERVER_FRAME
from parlour_protocol.kit.secret import Secret
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


class _Impatient(ClientConnection):
    """A connection that does not wait for a server which leaves TCP open after the WebSocket has ended.

    The library's ``recv`` waits for the end of TCP without a deadline of its own (F8).
    """

    _cutting = False

    def data_received(self, data: bytes) -> None:
        """Take bytes; if they end the WebSocket, close TCP after a moment."""
        super().data_received(data)
        if not self._cutting and self.protocol.close_expected():
            self._cutting = True
            self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)


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
            raise ServerMisbehavedError("The server sent a binary frame.")
        return data.encode()

    async def send(self, data: bytes) -> None:
        """Send one text frame. Raises SocketClosedError."""
        try:
            await self._socket.send(data, text=True)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def close(self) -> None:
        """Close, within twice ``_CLOSE_SECONDS`` even when the server neither answers nor reads.

        The library has no deadline of its own while earlier bytes can't be sent.
        """
        try:
            async with asyncio.timeout(2 * _CLOSE_SECONDS):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()


_OUR_COMPLAINTS: Final = {1002, 1007, 1009}


def _closed(error: ConnectionClosed) -> ParlourClientError:
    ours = error.sent.code if error.sent and not error.rcvd_then_sent else None
    if ours in _OUR_COMPLAINTS:
        return ServerMisbehavedError("The server violated the WebSocket protocol.")
    return SocketClosedError(error.rcvd.code if error.rcvd else None)


async def open_socket(
    wire: Wire[Any, Any],
    verifier: Verifier,
    ticket: Callable[[], Awaitable[Secret]],
    ping_seconds: float = PING_SECONDS,
) -> WebSocket:
    """Get a ticket and open a connection with it. Raises TrustError, UnreachableError, SessionEndedError."""
    try:
        return await _open(wire, verifier, await ticket(), ping_seconds)
    except CertificateError:
        if not isinstance(verifier.trust, Pin):
            raise
    verifier.forget()  # the leaf may have been renewed under the same key since it was probed
    return await _open(wire, verifier, await ticket(), ping_seconds)


async def _open(wire: Wire[Any, Any], verifier: Verifier, ticket: Secret, ping_seconds: float) -> WebSocket:
    address = verifier.address
    try:
        socket = await _Direct(
            f"wss://{address.authority}{wire.path}",
            ssl=await verifier.context(),
            proxy=None,
            compression=None,
            subprotocols=[Subprotocol(wire.subprotocol)],
            additional_headers={"Authorization": f"Bearer {ticket.reveal()}"},
            user_agent_header="parlour",
            open_timeout=OPEN_SECONDS,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            close_timeout=_CLOSE_SECONDS,
            max_size=SERVER_FRAME.value,
            max_queue=_QUEUED_FRAMES,
            logger=_quiet,
            create_connection=_Impatient,
        )
    except InvalidStatus as error:
        raise _refused(error.response.status_code) from error
    except InvalidHandshake as error:
        raise ServerMisbehavedError("The server does not open a WebSocket as it should.") from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise unreachable(address, error) from error
    if socket.subprotocol != wire.subprotocol:
        socket.transport.abort()
        raise ServerMisbehavedError(f"The server does not speak {wire.subprotocol}.")
    return WebSocket(socket, _security(verifier, socket))


def _refused(status: int) -> ParlourClientError:
    if status == 401:  # noqa: PLR2004 - HTTP; whether the session ended, the next ticket tells
        return UnreachableError(
            "The server did not accept the ticket.", "It will be tried again with a new one."
        )
    if status == 503:  # noqa: PLR2004 - HTTP
        return UnreachableError("The server has too many connections now.", "It will be tried again.")
    if status == 421:  # noqa: PLR2004 - HTTP
        return ServerMisbehavedError(
            "The server does not accept this host name.",
            "Its owner can add it to names in [listen] of the server's settings.",
        )
    return ServerMisbehavedError(
        f"The server answered with HTTP status {status} where it should open a WebSocket."
    )


def _security(verifier: Verifier, socket: ClientConnection) -> str:
    tls = socket.transport.get_extra_info("ssl_object")
    return security_words(verifier.trust, tls.version())
