"""How many are in a room, over a real server: a client's number is the server's, whatever happened."""

import asyncio

from tests.e2e.processes import DEADLINE, Person
from tests.e2e.test_encryption import running

from parlour_client.core.client import Client
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


async def caught_up(client: Client, room: RoomId, head: Seq) -> int:
    """Wait until a client knows an event; return how many it takes to be in the room then."""
    changes = asyncio.Event()
    unsubscribe = client.events.subscribe(lambda _: changes.set())
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                changes.clear()
                known = client.rooms.get(room)
                if known is not None and known.head >= head:
                    return known.members
                await changes.wait()
    finally:
        unsubscribe()


async def test_the_number_of_members_never_drifts(ada: Person, ben: Person) -> None:
    """Joined, left, invited, kicked, banned after it, unbanned: the heading and the list always agree."""
    ben_name = parse_user_name("ben")
    async with running(ada.home) as owner, running(ben.home) as guest:
        room = (await owner.rooms.create(parse_room_name("doorway"), RoomKind.PUBLIC)).id
        steps = (
            lambda: guest.rooms.join(room),
            lambda: guest.rooms.leave(room),
            lambda: owner.invitations.send(room, ben_name),
            lambda: guest.invitations.accept(room),
            lambda: owner.rooms.kick(room, ben_name),
            lambda: owner.rooms.ban(room, ben_name, seconds=None),
            lambda: owner.rooms.ban(room, ben_name, seconds=600),
            lambda: owner.rooms.unban(room, ben_name),
            lambda: guest.rooms.join(room),
            lambda: owner.rooms.ban(room, ben_name, seconds=None),
        )
        for number, step in enumerate(steps, 2):
            await step()
            members = len(await owner.rooms.members(room))
            assert await caught_up(owner, room, Seq(number)) == members, number
        assert len(await owner.rooms.members(room)) == 1
    async with running(ada.home) as again:
        known = again.rooms.get(room)
        assert known is not None
        assert known.members == 1
