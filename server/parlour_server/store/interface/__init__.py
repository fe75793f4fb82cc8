"""The interfaces of the chat's store: rooms and their logs, consent, devices, groups, files and reports.

Accounts, sessions and the journal are those of every program (`kit/store/interface.py`).

Every implementation passes `tests/server/store/contract` and guarantees, beside what `KitStore` does:

* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* an author's permissions are checked inside the transaction that appends (``Decide``).
"""

from collections.abc import Sequence
from typing import Protocol

from parlour_server.kit.store.interface import KitStore
from parlour_server.store.interface.consent_store import Consent
from parlour_server.store.interface.device_store import Devices, Groups, KeyLog
from parlour_server.store.interface.file_store import Files
from parlour_server.store.interface.report_store import Reports
from parlour_server.store.interface.room_store import Decide, Log, LogPage, Retention, Rooms
from parlour_server.store.sql.account_data import SqlAccountData


class Store(KitStore, Protocol):
    """The whole store of the chat. The composition root opens and closes it."""

    @property
    def rooms(self) -> Rooms: ...
    @property
    def log(self) -> Log: ...
    @property
    def retention(self) -> Retention: ...
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
    def account_data(self) -> SqlAccountData: ...
    @property
    def reports(self) -> Reports: ...

    async def count_chat_rows(self) -> Sequence[float]:
        """Return the numbers of rooms, groups in force, active devices, events, bytes of files, open reports.

        Raises UnavailableError.
        """
        ...


__all__ = [
    "Consent",
    "Decide",
    "Devices",
    "Files",
    "Groups",
    "KeyLog",
    "Log",
    "LogPage",
    "Reports",
    "Retention",
    "Rooms",
    "Store",
]
