"""Connections of load balancers, which must say in a header before TLS who their client is."""

import asyncio
import socket
from collections.abc import Iterable

from parlour_server.capabilities.proxy_protocol.header import (
    FIXED_BYTES,
    ProxyHeaderError,
    header_size,
    parse,
)
from parlour_server.core.addresses import Networks
from parlour_server.core.net.listener import ReadClient


class Balancers:
    """The load balancers that the operator named. No one else is believed (L6)."""

    def __init__(self, named: Iterable[str]) -> None:
        """``named`` are addresses and networks. Raises SetupError."""
        self._named = Networks("listen.proxies", named)

    def reader_for(self, address: str) -> ReadClient | None:
        """Return what reads who the client is, for a connection from a load balancer's address."""
        return read_client if address in self._named else None


async def read_client(accepted: socket.socket) -> str | None:
    """Read a PROXY header, and nothing after it; return the client. Raises ProxyHeaderError and OSError."""
    fixed = await _read_exactly(accepted, FIXED_BYTES)
    rest = header_size(fixed) - len(fixed)
    return parse(fixed + await _read_exactly(accepted, rest)).client


async def _read_exactly(accepted: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        more = await loop.sock_recv(accepted, size - len(data))
        if not more:
            raise ProxyHeaderError("the connection ended within the header")
        data += more
    return data
