"""The chat's records: frozen, validated, without behaviour.

Those created for every message are msgspec structs, which are five times as fast to create.
"""

from parlour_server.chat.store.types.journal_records import (
    ConsentRecorded,
    DevicesChanged,
    RoomAdvanced,
)
from parlour_server.chat.store.types.retention_policy import RetentionPolicy, shorter, shortest
from parlour_server.chat.store.types.room_records import (
    Appended,
    AppendEvent,
    Attached,
    Decide,
    Facts,
    Greeting,
    GroupFacts,
    MadeRoom,
    Membership,
    NewRoom,
    RoomFactsForOperator,
    Target,
)

__all__ = [
    "AppendEvent",
    "Appended",
    "Attached",
    "ConsentRecorded",
    "Decide",
    "DevicesChanged",
    "Facts",
    "Greeting",
    "GroupFacts",
    "MadeRoom",
    "Membership",
    "NewRoom",
    "RetentionPolicy",
    "RoomAdvanced",
    "RoomFactsForOperator",
    "Target",
    "shorter",
    "shortest",
]
