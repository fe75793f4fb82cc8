"""Answering invitations."""

from tests.client.core.core_fake import BOB, LOBBY, Desk, FakeServer
from tests.client.core.waiting import into, titles

from parlour_protocol.frames.requests import Decline, Uninvite
from parlour_protocol.kit.names import parse_user_name


async def test_answers_go_to_the_server(desk: Desk, server: FakeServer) -> None:
    """Accepting enters the room; declining forgets the invitation; blocking is a list of the account's."""
    server.invitations = [into("Room1"), into("Room2", "attic")]
    client = await desk.open()
    assert (await client.invitations.accept(server.invitations[0].room)).title == "den"
    assert titles(client) == ["attic"]
    assert client.rooms.get(server.invitations[0].room) is not None
    await client.invitations.decline(server.invitations[1].room)
    assert titles(client) == []
    await client.invitations.withdraw(LOBBY, BOB)
    for name in ("carol", "dave", "eve"):
        await client.invitations.block(parse_user_name(name))
    assert await client.invitations.blocked() == ["carol", "dave", "eve"]
    await client.invitations.block(parse_user_name("dave"), on=False)
    assert await client.invitations.blocked() == ["carol", "eve"]
    assert {Decline, Uninvite} <= {type(one) for one in server.requests}
