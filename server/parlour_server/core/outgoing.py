"""Requests to servers elsewhere: to addresses that were looked at, never where a redirect or a name leads.

A name is resolved once, all its addresses must be public or named by the operator, and one of these is
connected to, with the name in TLS. So no name leads into the operator's own network, also not one that says
something else the second time (SSRF, DNS rebinding). No proxy is used, and no redirect is followed.
"""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import SOCK_STREAM
from typing import Final, Self

import h11

from parlour_server.core.addresses import Networks, in_url, plain_address

_URL: Final = re.compile(
    r"""(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?(/[!"$-\[\]-~]*)?"""
)
_PORTS: Final = {"https": 443, "http": 80}
_LAST_PORT: Final = 65_535
_READ: Final = 16_384
_MOST_HEADS: Final = 65_536
"""Bytes before the body of an answer."""
_NEVER_PUBLIC: Final = Networks(
    "", ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10")
)
"""Addresses that have another one in them, which would have to be looked at, too; and old local ones."""


class AddressRefusedError(Exception):
    """A name leads to an address that may not be connected to, or to none."""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in the one form that every parser reads alike: lower case, no user, no fragment."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL. Raises ValueError."""
        found = _URL.fullmatch(text)
        if found is None or not 0 < int(found[3] or 1) <= _LAST_PORT:
            raise ValueError(
                "write https://host/path: the host in lower case, and nothing before it or after a #"
            )
        scheme, host = found[1], found[2].strip("[]")
        return cls(scheme, host, int(found[3] or _PORTS[scheme]), found[4] or "/")

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the scheme's."""
        host = in_url(self.host)
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, in one form."""
        return f"{self.scheme}://{self.authority}"


async def exchange(
    method: str,
    url: Url,
    headers: Mapping[str, str],
    body: bytes,
    *,
    context: ssl.SSLContext,
    private: Networks,
    answer_bytes: int = 0,
) -> tuple[int, bytes]:
    """Return the status of the answer, and its body if it may have ``answer_bytes``; else none is read.

    ``private`` are the networks that are not public, and allowed all the same. The caller limits the time.
    Raises AddressRefusedError, OSError (with it ``ssl.SSLError``), ValueError for what is not HTTP, or too
    much of it.
    """
    reader, writer = await _connect(await _addresses(url, private), url, context)
    try:
        lines = {
            "Host": url.authority,
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Content-Length": str(len(body)),
            **headers,
        }
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_READ)
        request = h11.Request(method=method, target=url.target, headers=list(lines.items()))
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(http.send(event) or b"")
        await writer.drain()
        return await _answer(http, reader, answer_bytes)
    except h11.ProtocolError as error:
        raise ValueError("not HTTP") from error
    finally:
        writer.transport.abort()


async def _connect(
    addresses: Sequence[str], url: Url, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers: an address, so nothing is resolved again."""
    tls, name = (context, url.host) if url.scheme == "https" else (None, None)
    for address in addresses[:-1]:
        with suppress(OSError):
            return await asyncio.open_connection(address, url.port, ssl=tls, server_hostname=name)
    return await asyncio.open_connection(addresses[-1], url.port, ssl=tls, server_hostname=name)


async def _addresses(url: Url, private: Networks) -> Sequence[str]:
    """Return the addresses of the host. Raises AddressRefusedError if one may not be connected to."""
    found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=SOCK_STREAM)
    addresses = [plain_address(str(place[0])) for *_, place in found]
    for text in addresses:
        address = ipaddress.ip_address(text)
        is_public = address.is_global and not address.is_multicast and text not in _NEVER_PUBLIC
        if not is_public and text not in private:
            raise AddressRefusedError(f"{text} is not public")
    if not addresses:
        raise AddressRefusedError("the name has no address")
    return addresses


async def _answer(http: h11.Connection, reader: asyncio.StreamReader, most: int) -> tuple[int, bytes]:
    status, body, size = 0, bytearray(), 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_READ)
            size += len(data)
            if size > _MOST_HEADS + most:
                raise ValueError("too long an answer")
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            if not most:
                return status, b""
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise ValueError("too long an answer")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            raise ValueError("no answer")
