"""Whom an address is counted for: every limit by address, and every count in the log, asks here."""

import ipaddress
from typing import Final

_V6_CUSTOMER: Final = 64  # one customer gets a whole /64 at least, so it counts as one address (H6)


def rate_limit_key(address: str) -> str:
    """Return what per-address caps count: the IPv4 address, or the IPv6 network that it is in."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _V6_CUSTOMER), strict=False))
