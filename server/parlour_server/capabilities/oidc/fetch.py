"""Requests to the provider: over verified TLS, to allowed addresses, bounded in size and time, no redirects.

The address that was looked at is the one that is connected to, so a name that changes its meaning in between
gains nothing. No error names what was sent or answered: both are secrets.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import h11
import msgspec

from parlour_server.core.addresses import Networks, in_url, plain_address

SECONDS: Final = 10.0
"""For a whole request: a slow provider must not hold many."""
MOST_BYTES: Final = 65_536
_READ: Final = 16_384


class ProviderError(Exception):
    """The provider can't be reached, or did not answer as one; the text is for the operator."""


class Fetcher:
    """Asks one provider."""

    def __init__(self, context: ssl.SSLContext, private: Networks) -> None:
        """``private`` are the networks that are not public, and allowed."""
        self._context = context
        self._private = private

    async def get(self, url: str) -> Mapping[str, Any]:
        """Return a document. Raises ProviderError."""
        status, found = await self._ask("GET", url, b"", {})
        if status != 200:  # noqa: PLR2004 - HTTP: OK
            raise ProviderError(f"it answers with HTTP status {status}")
        return found

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Send a form; return the status and the answer. Raises ProviderError."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, urlencode(form).encode(), {**headers, **kind})

    async def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            async with asyncio.timeout(SECONDS):
                status, answer = await self._exchange(method, url, body, headers)
            if status < 400 or (status < 500 and answer):  # noqa: PLR2004 - HTTP: an error of OAuth is 400 or 401
                found = msgspec.json.decode(answer)
                if status < 300 or status >= 400:  # noqa: PLR2004 - a redirect is never followed
                    return status, found if isinstance(found, dict) else {}
        except TimeoutError:
            raise ProviderError("it does not answer in time") from None
        except (
            OSError,
            ValueError,
            h11.RemoteProtocolError,
            h11.LocalProtocolError,
            RecursionError,
        ) as error:
            raise ProviderError(f"it can't be asked ({type(error).__name__})") from None
        raise ProviderError(f"it answers with HTTP status {status}")

    async def _exchange(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        address = await self._allowed(host, port)
        reader, writer = await asyncio.open_connection(address, port, ssl=self._context, server_hostname=host)
        try:
            lines = {
                "Host": in_url(host) if parts.port in {None, 443} else f"{in_url(host)}:{port}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Connection": "close",
                "Content-Length": str(len(body)),
                **headers,
            }
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            http = h11.Connection(h11.CLIENT)
            request = h11.Request(method=method, target=target, headers=list(lines.items()))
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(http.send(event) or b"")
            await writer.drain()
            return await _read(http, reader)
        finally:
            writer.transport.abort()

    async def _allowed(self, host: str, port: int) -> str:
        """Return an address of the host that may be asked. Raises ProviderError."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)  # SOCK_STREAM
        for *_, place in found:
            address = plain_address(str(place[0]))
            public = ipaddress.ip_address(address)
            if (public.is_global and not public.is_multicast) or address in self._private:
                return address
        raise ProviderError("its address is not a public one: oidc.private_networks names those that may be")


async def _read(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[int, bytes]:
    status, answer = 0, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > MOST_BYTES:
                raise ProviderError("its answer is too large")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(answer)
        elif isinstance(event, h11.ConnectionClosed):
            raise ProviderError("it closes the connection")
