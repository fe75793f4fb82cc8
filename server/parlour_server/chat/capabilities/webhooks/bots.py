"""The bots of webhooks, as the operator's commands make them and let them leave."""

from parlour_protocol.frames.bodies import AnyBody, Joined, Left
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName, skeleton
from parlour_server.chat.capabilities.webhooks.incoming import IncomingHook, bot_device
from parlour_server.chat.rooms.operator_rules import allow_anything
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.store.records import NewAccountRecord


async def make_bot(store: ChatStore, hook: IncomingHook) -> None:
    """Create the account, which no password opens, and let it into the room. Raises NameTakenError."""
    passwords = HashingPool(threads=1)
    try:
        record = NewAccountRecord(hook.bot, skeleton(hook.bot), passwords.unusable(), hook.created)
    finally:
        passwords.close()
    await store.accounts.create(record, None)
    await _append(store, hook.room, hook.bot, hook.created, Joined())


async def leave_room(store: ChatStore, hook: IncomingHook, now: Millis) -> None:
    """Let it leave the room."""
    if await store.rooms.membership(hook.room, hook.bot) is not None:
        await _append(store, hook.room, hook.bot, now, Left())


async def _append(store: ChatStore, room: RoomId, bot: UserName, now: Millis, body: AnyBody) -> None:
    event = AppendEvent(room, bot, bot_device(), new_request_id(), now, body, None)
    await store.log.commit(event, allow_anything)
