"""The store's interfaces: accounts, sessions, rooms and their logs.

Any number of servers may use one store at once, and commands write to it while they run. Every implementation
passes `tests/server/store/contract` and guarantees:

* after a write method returns, its change is on disk (``Log.append``, ``Rooms.create`` and all others);
* a method that raises changes nothing;
* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* an author's permissions are checked inside the transaction that appends (``Decide``).

Tokens are passed only as their SHA-256 (K2: stolen store).
"""

from typing import Protocol

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.kit.store.interface import Accounts, Attempts, Sessions, Tickets
from parlour_server.store.interface.consent_store import Consent
from parlour_server.store.interface.device_store import Devices, Groups, KeyLog
from parlour_server.store.interface.file_store import Files, Journal
from parlour_server.store.interface.room_store import Decide, Log, Rooms


class Store(Protocol):
    """The whole store. The composition root opens and closes it."""

    @property
    def incarnation(self) -> Incarnation:
        """The incarnation of the logs, once the store is open; a restored backup gets a new one."""
        ...

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def rooms(self) -> Rooms: ...
    @property
    def log(self) -> Log: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def keylog(self) -> KeyLog: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def files(self) -> Files: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def journal(self) -> Journal: ...

    async def open(self) -> None:
        """Connect. Raises SetupError for an old schema (run `migrate`)."""
        ...

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        ...

    async def check(self) -> None:
        """Raise UnavailableError if a write would fail (for /readyz)."""
        ...

    async def prune(self, now: Millis) -> int:
        """Remove a batch of data that expired months ago; returns the number of rows, 0 when done.

        Expired sessions, invites and key packages, bans and mutes that have run out, old failed logins.
        Raises UnavailableError.
        """
        ...


__all__ = [
    "Accounts",
    "Attempts",
    "Consent",
    "Decide",
    "Devices",
    "Files",
    "Groups",
    "Journal",
    "KeyLog",
    "Log",
    "Rooms",
    "Sessions",
    "Store",
    "Tickets",
]
