"""The networks that an operator bans; an address is one, too."""

import ipaddress
from typing import Final

from parlour_server.core.errors import SetupError

_MAPPED: Final = 96  # the prefix of IPv4-mapped addresses (RFC 4291 section 2.5.5.2)
_LOOPBACK_4: Final = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_6: Final = ipaddress.IPv6Network("::1/128")


def ban_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read what to ban; IPv4-mapped IPv6 becomes IPv4, as clients are seen. Raises SetupError."""
    if "%" in text:
        raise SetupError(f"{text!r} has a zone, which other machines do not see; leave it out")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise SetupError(
            f"{text!r} is not an address or a network; write 192.0.2.7, 198.51.100.0/24 or 2001:db8::/64"
        ) from None
    is_whole = ipaddress.ip_interface(text).ip == network.network_address
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:  # a wider network begins before the mapped addresses
            network = ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED))
    if not is_whole:
        raise SetupError(f"{text} names an address within a network; write {network} for the whole network")
    return network


def network_text(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """Return a network as people write it: a single address without the length of its prefix."""
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def has_loopback(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Return whether the network has addresses in it that only this machine has."""
    if isinstance(network, ipaddress.IPv4Network):
        return network.overlaps(_LOOPBACK_4)
    return network.overlaps(_LOOPBACK_6)
