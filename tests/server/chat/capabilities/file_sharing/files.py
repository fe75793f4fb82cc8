"""Records of files, as an upload leaves them."""

from tests.server.core.store.world import DEVICE, log_in

from parlour_protocol.kit.ids import Millis, new_session_id
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.types import FileRecord, FileReservation
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.store.records import SessionRecord

PLENTY = 2**40


def files(store: ChatStore) -> FileStore:
    """Return the records of files of an open store."""
    return FileStore(store, store.consent.clock)


async def sender(store: ChatStore, file: FileRecord) -> BySession:
    """Return a session of the owner, which sends the file."""
    sessions = await store.sessions.list(file.owner, file.created)
    if sessions:
        return BySession(file.owner, sessions[0].id)
    now, name = file.created, new_session_id()
    until = Millis(now + 86_400_000)
    record = SessionRecord(name, file.owner, DEVICE, name.encode(), now, now, until)
    await log_in(store, record, cap=9)
    return BySession(file.owner, name)


async def reserve(
    store: ChatStore,
    file: FileRecord,
    *,
    user_bytes: int = PLENTY,
    room_bytes: int = PLENTY,
    total: int = PLENTY,
) -> None:
    """Reserve the space of a file for a minute."""
    until = Millis(file.created + 60_000)
    reservation = FileReservation(file.id, file.room, file.owner, file.size, file.created, until)
    by = await sender(store, file)
    await files(store).reserve(
        by, reservation, user_bytes=user_bytes, room_bytes=room_bytes, total_bytes=total
    )


async def put(
    store: ChatStore,
    file: FileRecord,
    *,
    user_bytes: int = PLENTY,
    room_bytes: int = PLENTY,
    total: int = PLENTY,
) -> None:
    """Reserve its space, and keep it."""
    await reserve(store, file, user_bytes=user_bytes, room_bytes=room_bytes, total=total)
    await put_reserved(store, file)


async def put_reserved(store: ChatStore, file: FileRecord) -> None:
    """Keep a file whose space is reserved."""
    await files(store).put(await sender(store, file), file)
