"""The banned networks in memory, looked up for each accepted socket before it costs anything.

They are read from the store at the start and whenever the journal says that they changed. A look-up takes
one step for each length of prefix that is banned, however many bans there are.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.address_bans.store import AddressBan
from parlour_server.core.clock import Clock

_BITS: Final = {4: 32, 6: 128}


class BannedAddresses:
    """Tells which addresses are banned; ``in`` takes a plain address."""

    def __init__(self, clock: Clock) -> None:
        """``clock`` ends bans."""
        self._clock = clock
        self._lengths: dict[int, dict[int, dict[int, Millis | None]]] = {}
        """By the version of IP: the lengths of prefixes, and for each the prefixes with their ends."""

    def replace(self, bans: Iterable[AddressBan]) -> None:
        """Use these from now on."""
        lengths: dict[int, dict[int, dict[int, Millis | None]]] = {}
        for ban in bans:
            network = ban.network
            prefixes = lengths.setdefault(network.version, {}).setdefault(network.prefixlen, {})
            prefixes[_prefix(int(network.network_address), network.version, network.prefixlen)] = ban.expires
        self._lengths = lengths

    def __contains__(self, address: str) -> bool:
        """Return whether this plain address may not connect now."""
        if not self._lengths:
            return False
        found = ip_address(address)
        for length, prefixes in self._lengths.get(found.version, {}).items():
            prefix = _prefix(int(found), found.version, length)
            if prefix in prefixes:
                expires = prefixes[prefix]
                if expires is None or expires > self._clock.now():
                    return True
        return False


def _prefix(address: int, version: int, length: int) -> int:
    return address >> (_BITS[version] - length)
