"""What the metrics count in the database: what is there for people, not what is left of it."""

from tests.server.chat.store.encryption_world import Delivery
from tests.server.chat.store.world import World, message

from parlour_protocol.frames.bodies import Archived, RoomDeleted
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import RoomKind
from parlour_server.core.accounts.tables.authority import ByOperator


async def test_accounts_are_those_of_people(world: World) -> None:
    """A disabled one is; the program's own and a deleted one with its pseudonym are not."""
    alice, bob, carol, system = await world.people(4)
    now, accounts = world.clock.now(), world.store.accounts
    await accounts.set_disabled(ByOperator(bob), disabled=True)
    assert await world.store.count_rows(now, frozenset()) == [4, 0]
    assert await world.store.count_rows(now, frozenset({system})) == [3, 0]
    await accounts.close(ByOperator(carol), "unusable", ())
    await accounts.add_pseudonym(parse_user_name("deleted-7kq2m9x4tb"), "unusable")
    assert await world.store.count_rows(now, frozenset({system})) == [2, 0]
    assert await accounts.find(alice) is not None


async def test_rooms_and_groups_are_those_that_someone_can_be_in(delivery: Delivery) -> None:
    """Archived, private and direct ones too; deleted ones are not, though their data is still there."""
    world = delivery.world
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    before = await world.store.count_chat_rows()
    room = await delivery.room(alice[0], kind=RoomKind.PRIVATE)
    await delivery.found(room, *alice)
    await world.store.rooms.create(world.new_direct(alice[0], bob[0]))
    archived = await world.room(alice[0])
    await world.append(archived, alice[0], message())
    await world.append(archived, alice[0], Archived(True))

    async def grown() -> list[float]:
        return [now - then for now, then in zip(await world.store.count_chat_rows(), before, strict=True)][:2]

    assert await grown() == [3, 1]
    await world.append(archived, alice[0], RoomDeleted())
    assert await grown() == [2, 1]
    await world.append(room, alice[0], RoomDeleted())
    assert await grown() == [1, 0]
