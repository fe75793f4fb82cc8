"""One request that lasts, from the person to the server: what is known of it, and who wants to know.

The outbox makes the items; a lane of an encrypted room sends some of them, and the timeline shows them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from parlour_client.core.archive.outbox_table import Beside
from parlour_client.core.errors import ParlourClientError
from parlour_client.core.model import Delivery
from parlour_client.core.transport.conversation import Conversation
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Send
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq

Lasting = Send | Edit | Delete | React | Pin


@dataclass(frozen=True, slots=True)
class StoredAt:
    """Where a request stands in its room's log, and since when by the server's clock."""

    room: RoomId
    seq: Seq
    at: Millis


@dataclass(slots=True)
class Item:
    """One request on its way."""

    position: int
    frame: Lasting
    at: Millis
    delivery: Delivery
    stored: StoredAt | None = None
    error: ParlourClientError | None = None
    tries: int = 0
    waits: ParlourClientError | None = None
    """Why it is held, while it is."""
    left: bool = False
    """The server may have it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def request(self) -> RequestId:
        """The request's id."""
        return self.frame.id


def at_of(stored: Stored) -> StoredAt:
    """Take where it is out of a server's answer."""
    return StoredAt(stored.room, stored.seq, stored.at)


Tell = Callable[[Item, bool], None]
"""Called when an item changed; True: it is gone from the timeline."""


class LaneLike(Protocol):
    """A way of its own for the requests of one room (``e2ee.lanes``)."""

    def put(self, item: Item) -> None:
        """Queue a request at its place."""
        ...

    async def run(self) -> None:
        """Send until cancelled."""
        ...


MakeLane = Callable[[RoomId, Conversation], LaneLike | None]
Prepare = Callable[[Sequence[Lasting]], Beside | None]
"""Gives what can be written of requests of one room already when they are queued."""
