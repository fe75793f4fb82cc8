"""The store's records: frozen, validated, without behaviour.

Those created for every message are msgspec structs, which are five times as fast to create.
"""

from parlour_server.kit.store.records import (
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
