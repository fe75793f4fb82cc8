"""The store: the truth about accounts, sessions, rooms and their logs, as interfaces.

Nothing here assumes one process: any number of servers may use one store at once, and administration
commands write to it while they run. Every implementation passes `tests/server/store/contract`.
Promises that hold for all of them:

* what a method returned from is on disk (``Log.append``, ``Rooms.create`` and every other write);
* a method that raised changed nothing;
* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* the rights of an author are decided inside the transaction that appends (``Decide``).

Tokens come in as their SHA-256, never as themselves (K2: stolen store).
"""

from typing import Protocol

from parlour_protocol.ids import Incarnation, Millis
from parlour_server.store.interface.account_store import Accounts, Attempts, Sessions, Tickets
from parlour_server.store.interface.consent_store import Consent
from parlour_server.store.interface.device_store import Devices, Groups, KeyLog
from parlour_server.store.interface.file_store import Files, Journal
from parlour_server.store.interface.room_store import Decide, Log, Rooms


class Store(Protocol):
    """All of it. Opened and closed by the composition root."""

    @property
    def incarnation(self) -> Incarnation:
        """What the logs are called, once the store is open: another name when a backup was restored."""
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
        """Connect; refuses a schema that is not the newest (SetupError: run `migrate`)."""
        ...

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        ...

    async def check(self) -> None:
        """Raise UnavailableError when a write would fail (for /readyz)."""
        ...

    async def prune(self, now: Millis) -> int:
        """Remove some of what has been over for months; returns how many rows, 0 when nothing is left.

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
