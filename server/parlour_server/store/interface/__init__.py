"""The interfaces of the chat's store: rooms and their logs, consent, devices, groups, files and reports.

Accounts, sessions and the journal are those of every program (`kit/store/kit_store.py`).

The store guarantees, beside what `KitStore` does:

* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* an author's permissions are checked inside the transaction that appends (``Decide``).
"""

from parlour_server.store.interface.consent_store import Consent
from parlour_server.store.interface.device_store import Devices, Groups, KeyLog
from parlour_server.store.interface.file_store import Files
from parlour_server.store.interface.report_store import Reports
from parlour_server.store.interface.room_store import Decide, Log, LogPage, Retention, Rooms

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
]
