"""What encryption needs of the rest of the client, as one value; the engine makes it for ``SealedRooms``."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from parlour_client.core.account.profile import Profile
from parlour_client.core.archive import Archive
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.clock import Clock
from parlour_client.core.event_bus import Emit
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.state import State
from parlour_protocol.ids import RequestId, RoomId, Seq
from parlour_protocol.names import UserName


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What encryption needs of the rest of the client."""

    profile: Profile
    archive: Archive
    state: State
    clock: Clock
    chance: Random
    emit: Emit
    told: Callable[[RoomId, Sequence[Applied]], Awaitable[None]]
    """Shows to the views what did not come by ``Ingest``."""
    denied: Callable[[RequestId], None]
    """Hears of a request that is not where the server said that it stored it."""
    read_by: Callable[[RoomId, UserName, Seq], None]
    """Hears how far somebody let the room know that they have read."""
    numbers: Numbers
    """What the server's numbers are here."""
    follow: bool
