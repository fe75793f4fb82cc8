"""Makes the system account and the lobby, when `init` creates the chat's database."""

from typing import TYPE_CHECKING, Final

from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import skeleton
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.store.types import NewRoom
from parlour_server.chat.system_account import lobby, system_account, system_device
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.clock import Clock
from parlour_server.core.store.records import NewAccountRecord

if TYPE_CHECKING:
    from parlour_server.chat.store.chat_store import ChatStore

_REQUEST: Final = RequestId("init-makes-the-lobby")


async def make_system_account_and_lobby(store: "ChatStore", clock: Clock) -> list[str]:
    """Create what is missing; return it."""
    await _make_system_account(store, clock)
    return ["lobby"] if await _make_lobby(store, clock) else []


async def _make_system_account(store: "ChatStore", clock: Clock) -> None:
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415 - loads argon2

    if await store.accounts.find(system_account()) is not None:
        return
    passwords = HashingPool(threads=1)
    try:
        record = NewAccountRecord(
            system_account(), skeleton(system_account()), passwords.unusable(), clock.now()
        )
    finally:
        passwords.close()
    await store.accounts.create(record, None)
    await store.accounts.set_disabled(ByOperator(system_account()), disabled=True)


async def _make_lobby(store: "ChatStore", clock: Clock) -> bool:
    if await store.rooms.find_public(lobby()) is not None:
        return False
    room = NewRoom(
        room=new_room_id(),
        kind=RoomKind.PUBLIC,
        author=system_account(),
        session=None,
        device=system_device(),
        request=_REQUEST,
        at=clock.now(),
        name=lobby(),
    )
    made = await store.rooms.create(room)
    return bool(made.events)
