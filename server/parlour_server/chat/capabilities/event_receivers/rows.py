"""Receivers in the store: they go with their room."""

from typing import Final

from parlour_server.chat.store.store_part import RoomRows, StorePart

IN_STORE: Final = StorePart(
    room_rows=(
        RoomRows("event_deliveries", ("receiver", "seq"), "room = ?1"),
        RoomRows("event_receivers", ("receiver",), "room = ?1"),
    )
)
