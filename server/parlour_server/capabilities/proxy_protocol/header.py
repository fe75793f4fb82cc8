"""PROXY protocol version 2: a load balancer's header with the client's address (L6).

Sans-I/O: ``header_size`` reads the fixed part, ``parse`` the whole header. Only TCP over IPv4 or IPv6 is
accepted. Everything else that the specification allows (version 1, UDP, Unix sockets, unknown families) is
refused, because it would count for the load balancer, together with everyone else. TLVs are checked for wrong
lengths and otherwise ignored.

No library: proxy-protocol 0.11.3, of 2024, limits no length, accepts datagrams and unknown families, and
raises struct.error for short addresses; working around that would be as long as this module. The
specification is https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.2 and 2.2.1.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from parlour_server.core.addresses import plain_address
from parlour_server.core.errors import ParlourServerError

FIXED_BYTES: Final = 16
MOST_BYTES: Final = 4096  # addresses take 36; haproxy's and the clouds' TLVs some hundreds
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = struct.Struct("!12sBBH")
_TLV: Final = struct.Struct("!BH")
_VERSION: Final = 2
_LOCAL: Final = 0
_PROXY: Final = 1
_TCP4: Final = 0x11
_TCP6: Final = 0x21
_ADDRESS_BYTES: Final = {_TCP4: 12, _TCP6: 36}  # source, destination, two ports
LOCAL_HEADER: Final = _FIXED.pack(_SIGNATURE, _VERSION << 4 | _LOCAL, 0, 0)
"""Sent by a load balancer before a health check of its own."""


class ProxyHeaderError(ParlourServerError):
    """Not a header that this server accepts; the connection is closed."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A header. ``client`` is None for the load balancer's own connections (LOCAL: a health check)."""

    client: str | None


def header_size(fixed: bytes) -> int:
    """Return how long the whole header is, from its first ``FIXED_BYTES``. Raises ProxyHeaderError."""
    _, _, rest = _read_fixed(fixed)
    return FIXED_BYTES + rest


def parse(header: bytes) -> ProxyHeader:
    """Read a whole header, to its last byte. Raises ProxyHeaderError."""
    command, family, rest = _read_fixed(header)
    if len(header) != FIXED_BYTES + rest:
        raise ProxyHeaderError("the header is not as long as it says")
    if command == _LOCAL:
        return ProxyHeader(None)  # section 2.2: whatever family and addresses follow are discarded
    size = _ADDRESS_BYTES.get(family)
    if size is None:
        raise ProxyHeaderError("the header names no client that connects over TCP")
    if rest < size:
        raise ProxyHeaderError("the header is too short for its addresses")
    _walk_tlvs(header, FIXED_BYTES + size)
    addresses = header[FIXED_BYTES:]
    source = IPv4Address(addresses[:4]) if family == _TCP4 else IPv6Address(addresses[:16])
    client = ip_address(plain_address(str(source)))
    if client.is_unspecified or client.is_multicast:
        raise ProxyHeaderError("the header names a client that cannot connect")
    return ProxyHeader(str(client))


def _read_fixed(header: bytes) -> tuple[int, int, int]:
    """Return command, family and the length of what follows."""
    if len(header) < FIXED_BYTES:
        raise ProxyHeaderError("the header is cut off")
    signature, version_command, family, rest = _FIXED.unpack_from(header)
    version, command = version_command >> 4, version_command & 0x0F
    if signature != _SIGNATURE or version != _VERSION:
        raise ProxyHeaderError("this is not a PROXY protocol version 2 header")
    if command not in {_LOCAL, _PROXY}:
        raise ProxyHeaderError("the header has an unknown command")
    if FIXED_BYTES + rest > MOST_BYTES:
        raise ProxyHeaderError("the header is too long")
    return command, family, rest


def _walk_tlvs(header: bytes, at: int) -> None:
    while at < len(header):
        if len(header) - at < _TLV.size:
            raise ProxyHeaderError("a TLV of the header is cut off")
        _, size = _TLV.unpack_from(header, at)
        at += _TLV.size + size
    if at != len(header):
        raise ProxyHeaderError("a TLV of the header is cut off")
