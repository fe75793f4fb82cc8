"""Limits the number of sockets, in total and by address, counted from accept on.

A slot is taken before TLS, so that a silent socket counts too (H6: connection exhaustion), and is released
exactly once, however the connection ends. Over a cap there is no slot and no waiting. A load balancer's
socket counts for no address until its PROXY header names one. The listener takes slots; the socket's last
owner releases them.
"""

import asyncio
from collections import Counter

from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.quotas import Quotas


class Slot:
    """One counted socket."""

    __slots__ = ("_origin", "_slots", "address")

    def __init__(self, slots: "ConnectionSlots", address: str, origin: str | None) -> None:
        """``address`` is the remote address, ``origin`` the key that it counts for."""
        self._slots: ConnectionSlots | None = slots
        self._origin = origin
        self.address = address

    def belong_to(self, address: str) -> bool:
        """Count a load balancer's socket for its client; False when that address has too many."""
        origin = rate_limit_key(address)
        if self._slots is None or not self._slots.count_for(origin):
            return False
        self.address, self._origin = address, origin
        return True

    def release(self) -> None:
        """Give the slot back; the second time does nothing."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.give_back(self._origin)


class ConnectionSlots:
    """All slots of one server."""

    def __init__(self, quotas: Quotas, *, total: int, per_address: int) -> None:
        """Set the caps: ``total`` of this server, ``per_address`` of all that share the database.

        ``hits`` counts refusals.
        """
        self._nodes = quotas.nodes
        self._hits = quotas.hits
        self._total = total
        self._per_address = per_address
        self._taken = 0
        self._by_origin: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return self._taken

    def take(self, address: str) -> Slot | None:
        """Return a slot for a socket from this address, or None when a cap is reached."""
        if self._is_full():
            return None
        origin = rate_limit_key(address)
        return self._make(address, origin) if self.count_for(origin) else None

    def take_for_balancer(self, address: str) -> Slot | None:
        """Return a slot for a socket whose client is not known yet, or None when the total is reached."""
        return None if self._is_full() else self._make(address, None)

    def count_for(self, origin: str) -> bool:
        """Count a socket for ``origin``; False, without counting, when it has too many."""
        count = self._by_origin.get(origin, 0)
        if count >= self._nodes.divided(self._per_address):
            self._hits.hit("connections.per_address")
            return False
        self._by_origin[origin] = count + 1
        return True

    def give_back(self, origin: str | None) -> None:
        """Uncount a socket; only ``Slot.release`` calls it."""
        self._taken -= 1
        if origin is not None:
            self._by_origin[origin] -= 1
            if not self._by_origin[origin]:
                del self._by_origin[origin]
        if not self._taken:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until every slot is released."""
        await self._empty.wait()

    def _is_full(self) -> bool:
        if self._taken < self._total:
            return False
        self._hits.hit("connections.total")
        return True

    def _make(self, address: str, origin: str | None) -> Slot:
        self._taken += 1
        self._empty.clear()
        return Slot(self, address, origin)
