"""The requests of one encrypted room that wait for encryption, in the order of the outbox.

The outbox fills it; ``e2ee.messages.sender`` empties it, and puts back what cannot be sent yet.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from typing import Any

from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId


class RoomQueue:
    """A priority queue of one room."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, RequestId, Item]] = []
        self._filled = asyncio.Event()

    def put(self, item: Item) -> None:
        """Queue a request at its place."""
        heapq.heappush(self._heap, (item.position, item.request, item))
        self._filled.set()

    def take(self, most: int) -> list[Item]:
        """Take the next requests out; those that were cancelled meanwhile are dropped."""
        batch: list[Item] = []
        while self._heap and len(batch) < most:
            _, _, item = heapq.heappop(self._heap)
            if item.delivery is Delivery.QUEUED and item not in batch:
                batch.append(item)
        return batch

    async def wait(self) -> None:
        """Wait for the next ``put``."""
        self._filled.clear()
        await self._filled.wait()


StartSender = Callable[[RoomId, ChatConversation], tuple[RoomQueue, Coroutine[Any, Any, object]] | None]
"""Gives an encrypted room's queue and the sending from it, to be run; None for an open room."""
