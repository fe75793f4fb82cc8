"""Records of files, as an upload leaves them."""

from parlour_protocol.kit.ids import Millis
from parlour_server.store.interface import Store
from parlour_server.store.types import FileRecord, FileReservation

PLENTY = 2**40


async def reserve(
    store: Store, file: FileRecord, *, user_bytes: int = PLENTY, room_bytes: int = PLENTY, total: int = PLENTY
) -> None:
    """Reserve the space of a file for a minute."""
    until = Millis(file.created + 60_000)
    reservation = FileReservation(file.id, file.room, file.owner, file.size, file.created, until)
    await store.files.reserve(reservation, user_bytes=user_bytes, room_bytes=room_bytes, total_bytes=total)


async def put(
    store: Store, file: FileRecord, *, user_bytes: int = PLENTY, room_bytes: int = PLENTY, total: int = PLENTY
) -> None:
    """Reserve its space, and keep it."""
    await reserve(store, file, user_bytes=user_bytes, room_bytes=room_bytes, total=total)
    await store.files.put(file)
