"""The rooms that may know of a person's presence."""

import json
from collections.abc import Collection, Sequence

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.store.engine.column_values import plain, user_name


async def shared_by(store: ChatStore, users: Collection[UserName]) -> Sequence[tuple[UserName, RoomId]]:
    """Return the rooms of these people whose members may see their presence."""
    return await store.readers.rows(
        lambda name, room: (user_name(name), RoomId(room)),
        "SELECT m.account, m.room FROM json_each(?) JOIN members m ON m.account = value"
        " WHERE m.consent = 'given'",
        json.dumps([plain(user) for user in users]),
    )
