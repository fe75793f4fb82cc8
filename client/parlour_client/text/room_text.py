"""Rooms in words: one of a list, and who can find a new one and join it."""

from parlour_client.core.model import Room
from parlour_client.kit.language import _, ngettext
from parlour_client.text.retention_text import retention_short
from parlour_client.text.untrusted_text import shown
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


def room_line(room: Room) -> str:
    """Return one room of the list."""
    unread = _(", {unread} unread").format(unread=room.unread) if room.unread else ""
    mentions = _(", {mentions} mentioning you").format(mentions=room.mentions) if room.mentions else ""
    topic = f": {shown(room.topic)}" if room.topic else ""
    kind = _(", encrypted") if room.encrypted else ""
    if kept := retention_short(room.retention):
        kind = f"{kind}, {kept}"
    if room.archived:
        kind = f"{kind}{_(', archived')}"
    return ngettext(
        "{title}, {members} person{kind}{unread}{mentions}{topic}",
        "{title}, {members} people{kind}{unread}{mentions}{topic}",
        room.members,
    ).format(title=room.title, members=room.members, kind=kind, unread=unread, mentions=mentions, topic=topic)
