"""The records that go into the store and come out of it: frozen, checked, without behaviour.

Those that are made for every message are structs of msgspec, which are made five times as fast.
"""

from parlour_server.store.types.account_records import (
    Account,
    InviteRecord,
    NewAccountRecord,
    SessionRecord,
    TicketGrant,
)
from parlour_server.store.types.device_records import (
    CertificateRecord,
    ClaimRecord,
    DeviceChange,
    DeviceRecord,
    NewDevice,
    NewEntry,
    NewPackages,
)
from parlour_server.store.types.journal_records import (
    DevicesChanged,
    JournalEntry,
    RoomAdvanced,
    SessionEnded,
)
from parlour_server.store.types.room_records import (
    Appended,
    AppendEvent,
    Attached,
    Facts,
    FileRecord,
    Greeting,
    GroupFacts,
    Membership,
    NewRoom,
    Target,
)

__all__ = [
    "Account",
    "AppendEvent",
    "Appended",
    "Attached",
    "CertificateRecord",
    "ClaimRecord",
    "DeviceChange",
    "DeviceRecord",
    "DevicesChanged",
    "Facts",
    "FileRecord",
    "Greeting",
    "GroupFacts",
    "InviteRecord",
    "JournalEntry",
    "Membership",
    "NewAccountRecord",
    "NewDevice",
    "NewEntry",
    "NewPackages",
    "NewRoom",
    "RoomAdvanced",
    "SessionEnded",
    "SessionRecord",
    "Target",
    "TicketGrant",
]
