"""Invitations as the client keeps them: the list after a greeting, what comes and goes, what is answered."""

from tests.client.core.core_fake import ALICE, BOB, Desk, FakeServer, heard
from tests.client.core.waiting import into, titles

from parlour_client.core.events import InvitationsChanged, RoomsChanged
from parlour_protocol.frames import MessageText, RoomSummary
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.replies import InvitationReceived, InvitationWithdrawn, RoomEntered
from parlour_protocol.frames.requests import ListInvitations
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import Role, RoomKind


async def test_what_waits_is_known_when_the_connection_is_up(desk: Desk, server: FakeServer) -> None:
    """L14: all pages of it, the newest first; and again after a reconnection, as it is then."""
    server.invitations = [into(f"Room{number}", f"den{number}", number) for number in range(5)]
    client = await desk.open()
    assert titles(client) == ["den4", "den3", "den2", "den1", "den0"]
    assert [one.inviter for one in client.invitations.all] == [BOB] * 5
    await desk.lose(client)
    server.invitations = server.invitations[:1]
    await desk.regain(client)
    assert titles(client) == ["den0"]
    await desk.lose(client)
    server.invitations = []
    asked = len([one for one in server.requests if isinstance(one, ListInvitations)])
    await desk.regain(client)
    assert titles(client) == []
    assert len([one for one in server.requests if isinstance(one, ListInvitations)]) == asked


async def test_invitations_come_and_go_live(desk: Desk, server: FakeServer) -> None:
    """The same one again is no news; one that is taken back is gone; one that was accepted elsewhere, too."""
    client = await desk.open()
    changes: list[InvitationsChanged] = []
    client.events.subscribe(lambda c: changes.append(c) if isinstance(c, InvitationsChanged) else None)
    one, other = into("Room1", "den"), into("Room2", "attic", 9)
    for told in (one, one, other):
        server.wires[0].say(InvitationReceived(invitation=told))
    await heard(client, lambda c: isinstance(c, InvitationsChanged) and len(titles(client)) == 2)
    assert titles(client) == ["attic", "den"]
    assert len(changes) == 2
    server.wires[0].say(InvitationWithdrawn(room=other.room))
    server.add_room(one.room, "den")
    server.wires[0].say(RoomEntered(room=server.summary(one.room)))
    await heard(client, lambda c: isinstance(c, RoomsChanged))
    assert titles(client) == []


async def test_an_invitation_to_a_room_that_looks_like_ones_own_says_so(
    desk: Desk, server: FakeServer
) -> None:
    """L15: the beginning of its id tells it from the lobby that one is in."""
    server.invitations = [into("Abcd1", "lobby")]
    client = await desk.open()
    assert titles(client) == ["lobby~Abcd"]


async def test_a_direct_room_waits_until_one_answers(desk: Desk, server: FakeServer) -> None:
    """L14: it is a room and an invitation; the person's own message is the yes."""
    room = RoomId("Direct".ljust(22, "_"))
    server.add_room(room, "direct")
    server.rooms[room].summary = RoomSummary(
        room=room, kind=RoomKind.DIRECT, role=Role.OWNER, head=Seq(1), read=Seq(1), members=2, peer=BOB,
        request=True,
    )  # fmt: skip
    client = await desk.open()
    (one,) = client.invitations.all
    assert (one.id, one.title, one.kind, one.inviter) == (room, "@bobby", RoomKind.DIRECT, BOB)
    known = client.rooms.get(room)
    assert known is not None
    assert known.request
    await heard(
        client,
        lambda c: isinstance(c, RoomsChanged) and not client.invitations.all,
        lambda: server.append(room, Message(text=MessageText.parse("hello")), author=ALICE),
    )
    known = client.rooms.get(room)
    assert known is not None
    assert not known.request
