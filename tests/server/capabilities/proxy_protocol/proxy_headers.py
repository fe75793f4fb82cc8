"""PROXY headers as balancers write them, and as they must not."""

import struct
from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header(rest: bytes = b"", *, command: int = 0x21, family: int = 0x11, size: int | None = None) -> bytes:
    """Return a header; ``command`` holds the version in its upper half."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest) if size is None else size) + rest


def header_for(client: str, *, tlvs: bytes = b"") -> bytes:
    """Return a good header for a client's address."""
    source = ip_address(client)
    other = ip_address("192.0.2.1" if source.version == 4 else "2001:db8::1")
    ports = struct.pack("!HH", 40_000, 8443)
    return header(source.packed + other.packed + ports + tlvs, family=0x11 if source.version == 4 else 0x21)


def tlv(kind: int, value: bytes) -> bytes:
    """Return one TLV."""
    return struct.pack("!BH", kind, len(value)) + value


LOCAL = header(command=0x20, family=0)
"""What a balancer's health check begins with."""
