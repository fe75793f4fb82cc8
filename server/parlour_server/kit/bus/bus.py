"""The bus: notifications between servers. The store is authoritative; the bus only saves time.

A notification is any value: the kit publishes ``SessionsEnded``, a program its own. It may be lost, repeated
or reordered, and no receiver may depend on it: a lost ``SessionsEnded`` is found by the journal.
Notifications also reach the publisher's own subscribers. Every implementation passes
`tests/server/kit/bus/bus_contract.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from parlour_protocol.kit.ids import SessionId

Handler = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Close the sockets of these sessions."""

    sessions: frozenset[SessionId]


class Bus(Protocol):
    """Publishes to all servers, including this one."""

    def publish(self, notice: object) -> None:
        """Deliver to every server, in this caller's order. Never blocks, never raises for a lost peer."""
        ...

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` in the event loop for every notification from now on. It must not raise."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect; pending notifications are delivered first where that needs no waiting."""
        ...
