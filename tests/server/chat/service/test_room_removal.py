"""Deleted rooms: their data goes a while after, and the log says so once."""

from typing import Any

from tests.server.chat.capabilities.file_sharing.files import files, put
from tests.server.chat.store.world import FakeClock, World, message
from tests.server.fakes import StoppedClock

from parlour_protocol.frames.bodies import RoomDeleted
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import new_file_id
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.service.room_removal import RoomRemoval
from parlour_server.chat.store.chat_store import ChatStore


async def test_a_room_that_waits_for_its_files_is_not_logged_again(
    store: ChatStore, clock: StoppedClock, own_logs: list[dict[str, Any]]
) -> None:
    """Its row goes with its last file; a look at it each minute until then is no line."""
    world_clock = FakeClock()
    world_clock.forward(clock.now() - world_clock.now())  # the store looks at sessions by its own
    world = World(store, world_clock)
    alice = await world.account("alice")
    room = await world.room(alice)
    await world.append(room, alice, message())
    file = FileRecord(new_file_id(), room, alice, 5, Digest(bytes(32)), world_clock.now())
    await put(store, file)
    await world.append(room, alice, RoomDeleted())
    removal = RoomRemoval(store.rooms, world_clock)
    await removal.remove()
    assert len(await world.events(room)) == 3
    world_clock.forward(10 * 60_000)
    for _ in range(3):
        await removal.remove()
    assert [line["room"] for line in own_logs if line["event"] == "room_data_removed"] == [room]
    await files(store).forget([file.id])
    await removal.remove()
    assert await store.log.heads([room]) == {}
