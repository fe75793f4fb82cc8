"""Who is banned from a room, as its moderators list it."""

from tests.server.chat.store.world import World

from parlour_protocol.frames.bodies import Banned, Joined, Unbanned
from parlour_protocol.frames.replies import Ban
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis


async def test_bans_are_listed_page_by_page_until_they_end(world: World) -> None:
    """By whom, when, why and until when, by the last event that banned them; a lifted one is not."""
    alice, bob, cora, dan = await world.people(4)
    room = await world.room(alice, bob)
    other = await world.room(alice)
    end = Millis(world.clock.now() + 60_000)
    await world.append(room, alice, Banned(who=dan))
    told = (await world.append(room, alice, Banned(who=dan, until=end, reason=ReasonText("noise")))).entry
    good = (await world.append(room, alice, Banned(who=bob))).entry
    await world.append(room, alice, Banned(who=cora))
    await world.append(other, alice, Banned(who=cora))
    await world.append(room, alice, Unbanned(who=cora))
    of_bob = Ban(user=bob, by=alice, at=good.at)
    of_dan = Ban(user=dan, by=alice, at=told.at, until=end, reason=ReasonText("noise"))
    rooms, now = world.store.rooms, world.clock.now()
    assert await rooms.bans(room, after=None, at=now, limit=2) == ([of_bob, of_dan], False)
    assert await rooms.bans(room, after=None, at=now, limit=1) == ([of_bob], True)
    assert await rooms.bans(room, after=bob, at=now, limit=1) == ([of_dan], False)
    assert await rooms.bans(room, after=None, at=end, limit=2) == ([of_bob], False)
    await world.append(room, dan, Joined())  # theirs has run out
    assert await rooms.bans(room, after=None, at=now, limit=2) == ([of_bob], False)
