"""An encrypted room's queue: the order of the outbox, and nothing that was taken back."""

import asyncio

from tests.client.core.core_fake import LOBBY

from parlour_client.core.checked_text import message_text
from parlour_client.core.model import Delivery
from parlour_client.core.outbox.item import Item
from parlour_client.core.outbox.room_queue import RoomQueue
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.ids import Millis, new_request_id


def item(position: int) -> Item:
    """Return a message at this place of the outbox."""
    frame = Send(id=new_request_id(), room=LOBBY, text=message_text("hello"))
    return Item(position, frame, Millis(1), Delivery.QUEUED)


def test_requests_leave_in_the_order_of_the_outbox() -> None:
    """One that is put back goes out at its old place, a few at a time."""
    first, second, third = item(1), item(2), item(3)
    queue = RoomQueue()
    for one in (third, first, second):
        queue.put(one)
    assert queue.take(2) == [first, second]
    queue.put(second)
    assert queue.take(2) == [second, third]
    assert queue.take(2) == []


def test_what_was_cancelled_meanwhile_is_dropped() -> None:
    """A request that was put twice is taken once."""
    first, second = item(1), item(2)
    queue = RoomQueue()
    for one in (first, second, second):
        queue.put(one)
    first.delivery = Delivery.FAILED
    assert queue.take(9) == [second]


async def test_waiting_ends_with_the_next_request() -> None:
    """What was put before does not end it."""
    queue = RoomQueue()
    queue.put(item(1))
    queue.take(1)
    waiting = asyncio.ensure_future(queue.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(item(2))
    async with asyncio.timeout(60):
        await waiting
