"""Bots: they are asked about invitations, and accept none by themselves."""

from tests.client.core.core_fake import BOB, Desk, FakeServer, heard

from parlour_client.bots import Bot
from parlour_client.core.client import Client
from parlour_client.core.events import InvitationsChanged
from parlour_client.core.model import Invitation
from parlour_protocol.frames.replies import Invitation as Told
from parlour_protocol.frames.replies import InvitationReceived
from parlour_protocol.frames.requests import Accept, Decline
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


def told(name: str) -> Told:
    """Return an invitation into a private room."""
    room = RoomId(name.ljust(22, "_"))
    return Told(
        room=room,
        kind=RoomKind.PRIVATE,
        name=parse_room_name(name),
        inviter=BOB,
        at=Millis(1),
        expires=Millis(2),
    )


async def come(client: Client, server: FakeServer, invitation: Told) -> None:
    """Let an invitation come, and wait until the client knows."""
    await heard(
        client,
        lambda change: isinstance(change, InvitationsChanged),
        lambda: server.wires[0].say(InvitationReceived(invitation=invitation)),
    )


async def test_a_bot_accepts_what_its_handler_says(desk: Desk, server: FakeServer) -> None:
    """L14: `on_invitation` decides, of those that wait and that come; without it nothing is answered."""
    server.invitations = [told("attic"), told("cellar")]
    client = await desk.open()
    bot, asked = Bot(desk.home.folder, client=client), list[str]()

    @bot.on_invitation
    async def decide(invitation: Invitation) -> bool:
        asked.append(invitation.title)
        return invitation.title != "cellar"

    await bot._answer_invitations()
    late = told("shed")
    server.invitations.append(late)
    await come(client, server, late)
    await bot._answer_invitations()
    assert sorted(asked) == ["attic", "cellar", "shed"]
    answered = {type(one): one.room for one in server.requests if isinstance(one, Accept | Decline)}
    assert answered == {Accept: late.room, Decline: told("cellar").room}
    assert not client.invitations.all
    silent = Bot(desk.home.folder, client=client)
    await come(client, server, told("den"))
    await silent._answer_invitations()
    assert [one.title for one in client.invitations.all] == ["den"]
