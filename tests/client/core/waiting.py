"""Invitations that wait for this account's answer."""

from tests.client.core.core_fake import BOB

from parlour_client.core.client import Client
from parlour_protocol.frames.replies import Invitation
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


def into(room: str, name: str = "den", at: int = 5) -> Invitation:
    """Return an invitation into a private room."""
    return Invitation(
        room=RoomId(room.ljust(22, "_")),
        kind=RoomKind.PRIVATE,
        name=parse_room_name(name),
        inviter=BOB,
        at=Millis(at),
        expires=Millis(at + 1),
    )


def titles(client: Client) -> list[str]:
    """Return what waits."""
    return [one.title for one in client.invitations.all]
