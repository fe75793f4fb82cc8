"""One verified TLS connection that carries HTTPS requests one after another, by asyncio and h11.

It asks no proxy, follows no redirect, inflates nothing and holds no more than a limit of an answer. An answer
that comes before its request ends the connection.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final

import h11

from parlour_client.kit.errors import ServerMisbehavedError, UnreachableError
from parlour_client.kit.language import _
from parlour_client.kit.transport.http_exchange import HttpExchange
from parlour_client.kit.transport.trust import Verifier, unreachable
from parlour_protocol.kit.invite_link import ServerAddress

Content = bytes | AsyncIterator[bytes]

_SECONDS: Final = 15.0
"""To connect, or between two reads or writes. argon2 on a busy server takes a second or two."""
_RESTING: Final = 4.0
"""How long an idle connection is kept: a little less than servers keep it."""
_READ: Final = 64 * 1024
_PIECE: Final = 64 * 1024


class ConnectionLostError(UnreachableError):
    """The connection ended before the whole answer was there."""


class HttpsConnection:
    """One connection, and the exchange on it. Whoever opened it closes it."""

    _exchange: HttpExchange
    _sending: asyncio.Task[None] | None = None
    _watching: asyncio.Task[None] | None = None
    has_answered = False
    """Whether a byte of the current answer has arrived."""

    def __init__(
        self, address: ServerAddress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._address, self._reader, self._writer = address, reader, writer

    @classmethod
    async def open(cls, verifier: Verifier) -> "HttpsConnection":
        """Connect. Raises TrustError, UnreachableError."""
        address, context = verifier.address, await verifier.context()
        try:
            async with asyncio.timeout(_SECONDS):
                reader, writer = await asyncio.open_connection(
                    address.host, address.port, ssl=context, server_hostname=address.host
                )
        except ConnectionResetError as error:  # asyncio's word for a server that hung up during TLS
            raise unreachable(address, ssl.SSLEOFError()) from error
        except OSError as error:
            raise unreachable(address, error) from error
        return cls(address, reader, writer)

    def close(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()
        for task in (self._sending, self._watching):
            if task is not None:
                task.cancel()

    # --- between requests

    def rest(self) -> bool:
        """Keep it for the next request; False if this is not possible."""
        if not (self._exchange.is_complete and self._exchange.keeps_open) or self._writer.is_closing():
            return False
        self._watching = asyncio.create_task(self._watch())
        return True

    async def _watch(self) -> None:
        """Close it when the server does, when something comes that nobody asked for, or after a while."""
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(_RESTING):
                await self._reader.read(1)
        self._writer.transport.abort()

    async def wake(self) -> bool:
        """Take it for another request; False if it has ended meanwhile. Closed if this is cancelled."""
        if self._watching is not None:
            self._watching.cancel()
            try:
                await asyncio.wait([self._watching])
            except asyncio.CancelledError:
                self.close()
                raise
        return not self._writer.is_closing()

    # --- one request

    async def begin(
        self, method: str, path: str, headers: Mapping[str, str], content: Content, limit: int
    ) -> int:
        """Send a request, and return the status of its answer as soon as that is there.

        Raises UnreachableError, and what ``content`` raises.
        """
        head = [("Host", self._address.authority), *headers.items()]
        request = h11.Request(method=method, target=path, headers=head)
        whole = content if isinstance(content, bytes) and len(content) <= _PIECE else None
        self._exchange = HttpExchange(request, whole, limit)
        self.has_answered = False
        self._writer.write(self._exchange.to_send)
        self._sending = None
        if whole is None:  # beside the answer, which may come first: a refusal
            pieces = _pieces(content) if isinstance(content, bytes) else content
            self._sending = asyncio.create_task(self._send(pieces))
            self._sending.add_done_callback(lambda sent: sent.cancelled() or sent.exception())
        while not self._exchange.status:
            await self._receive()
        return self._exchange.status

    async def body(self) -> bytes:
        """Return the answer's body. Raises UnreachableError."""
        while not self._exchange.is_complete:
            await self._receive()
        return self._exchange.body

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the answer's body as it arrives, of any length. Raises UnreachableError."""
        while not self._exchange.is_complete:
            if chunk := self._exchange.take():
                yield chunk
            await self._receive()
        if chunk := self._exchange.take():
            yield chunk

    async def _send(self, content: AsyncIterator[bytes]) -> None:
        """Send the request's body. Raises what ``content`` raises, UnreachableError if nobody reads."""
        try:
            async for chunk in content:
                self._writer.write(self._exchange.encode(chunk))
                await self._written()
            self._writer.write(self._exchange.encode(None))
        except BaseException:
            self._writer.transport.abort()  # which ends the wait for an answer
            raise

    async def _written(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await self._writer.drain()
        except TimeoutError as error:
            raise unreachable(self._address, error) from error
        except OSError as error:
            raise self._lost() from error

    async def _receive(self) -> None:
        is_sending = self._sending is not None and not self._sending.done()
        try:
            async with asyncio.timeout(_SECONDS):
                data = await self._reader.read(_READ)
        except TimeoutError as error:
            if is_sending:  # that has a deadline of its own
                return
            raise unreachable(self._address, error) from error
        except OSError as error:
            raise self._lost() from error
        if data:
            self.has_answered = True
            self._exchange.receive(data)
            return
        try:
            self._exchange.receive(b"")  # the end of a body without a length
        except ServerMisbehavedError as error:
            raise self._lost() from error

    def _lost(self) -> BaseException:
        """Return why there will be no answer."""
        sending = self._sending
        failed = sending.exception() if sending and sending.done() and not sending.cancelled() else None
        return failed or ConnectionLostError(
            _("The connection to {authority} was lost.").format(authority=self._address.authority)
        )


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]
