"""What has been over for months goes, a batch at a time; what only looks old after a jump stays."""

from tests.server.chat.store.encryption_world import Delivery
from tests.server.chat.store.world import World
from tests.server.core.store.world import log_in

from parlour_protocol.frames.bodies import Banned, Muted
from parlour_protocol.kit.ids import Millis
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.core.store.records import InviteRecord

DAY = 86_400_000


async def pruned(world: World, days: float) -> int:
    """Prune so many days later until nothing is left; returns how many rows went."""
    total, now = 0, Millis(world.clock.now() + int(days * DAY))
    while gone := await world.store.prune(now, SCHEMA.rules):
        total += gone
    return total


async def test_expired_sessions_and_invites_go_in_time(world: World) -> None:
    """Ninety days after their end, not at it: a clock that is forty days ahead deletes nothing."""
    (alice,) = await world.people(1)
    now = world.clock.now()
    await log_in(world.store, world.session(alice, 1, days=30), cap=5)
    await log_in(world.store, world.session(alice, 2, days=3000), cap=5)
    for number, days in enumerate((30, 3000)):
        await world.store.accounts.add_invite(
            InviteRecord(bytes([number]) * 32, 5, now, Millis(now + days * DAY))
        )
    await world.store.accounts.add_invite(InviteRecord(b"n" * 32, 5, now, None))
    assert await pruned(world, 40) == 0
    assert await pruned(world, 119) == 0
    assert len(await world.store.sessions.list(alice, now)) == 2
    assert await pruned(world, 121) == 2
    assert [session.id for session in await world.store.sessions.list(alice, now)] == [
        world.session(alice, 2).id
    ]
    assert len(await world.store.accounts.list_invites()) == 2


async def test_bans_and_mutes_that_have_run_out_go_and_those_for_good_stay(world: World) -> None:
    """Also one that was renewed meanwhile."""
    alice, bob, eve = await world.people(3)
    room = await world.room(alice, bob, eve)
    soon = Millis(world.clock.now() + DAY)
    for who, until in ((bob, soon), (eve, None)):
        await world.append(room, alice, Muted(who=who, until=until))
        await world.append(room, alice, Banned(who=who, until=until))
    assert await pruned(world, 90) == 0
    assert await pruned(world, 92) == 2
    assert (await world.facts(room, alice, Banned(who=eve))).subject_banned_until == 0
    assert (await world.facts(room, alice, Banned(who=bob))).subject_banned_until is None


async def test_old_failed_logins_go_in_batches(world: World) -> None:
    """Many addresses that guessed once are removed without one write that holds all others up."""
    now = world.clock.now()
    keys = [f"192.0.2.{number}" for number in range(450)]
    await world.store.attempts.add(keys, now, forget_after=Millis(DAY))
    later = Millis(now + 91 * DAY)
    assert [await world.store.prune(later) for _ in range(4)] == [200, 200, 50, 0]
    assert await world.store.attempts.failures(keys) == {}


async def test_noting_a_failure_removes_only_a_few_old_ones(world: World) -> None:
    """A week after an attack from many addresses, no login pays for all of it."""
    now = world.clock.now()
    keys = [f"192.0.2.{number}" for number in range(450)]
    await world.store.attempts.add(keys, now, forget_after=Millis(DAY))
    later = Millis(now + 8 * DAY)
    await world.store.attempts.add(["fresh"], later, forget_after=Millis(DAY))
    assert len(await world.store.attempts.failures([*keys, "fresh"])) == 450 - 20 + 1


async def test_expired_key_packages_go(world: World, delivery: Delivery) -> None:
    """Of devices that never came back, too; those that can still be given stay."""
    alice, device = await delivery.person("alice")
    await delivery.packages(device, "one", "two", days=1)
    await delivery.packages(device, "three", days=1000)
    assert await pruned(world, 90) == 0
    assert await pruned(world, 92) == 2
    assert alice in {account.user for account in await world.store.accounts.list()}
