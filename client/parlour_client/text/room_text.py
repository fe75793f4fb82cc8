"""What was created, in one sentence: who can find a room and join it."""

from parlour_client.core.model import Room
from parlour_client.kit.language import _
from parlour_protocol.rooms import RoomKind


def created_room(room: Room) -> str:
    """Return what kind of room it is, for the one who created it."""
    if room.kind is RoomKind.PUBLIC and room.encrypted:
        words = _(
            "Created {title}: public and end-to-end encrypted. Anyone on this server can find and join it."
        )
    elif room.kind is RoomKind.PUBLIC:
        words = _("Created {title}: public. Anyone on this server can find and join it.")
    elif room.encrypted:
        words = _(
            "Created {title}: private and end-to-end encrypted. It isn't listed; people join by invitation."
        )
    else:
        words = _("Created {title}: private. It isn't listed; people join by invitation.")
    return words.format(title=room.title)
