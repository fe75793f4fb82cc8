"""Failed logins by key."""

import pytest
from tests.server.core.store.world import KitWorld

from parlour_protocol.kit.ids import Millis
from parlour_server.core.errors import TooManyAttemptsError
from parlour_server.core.store.records import Failures

HOUR = Millis(3_600_000)


async def test_failures_are_counted_by_key(world: KitWorld) -> None:
    """Each key counts by itself and remembers its last failure; a key without any is not there."""
    now = world.clock.now()
    await world.store.attempts.add(["user:alice", "ip:1"], now, forget_after=HOUR)
    await world.store.attempts.add(["user:alice"], Millis(now + 5), forget_after=HOUR)
    assert await world.store.attempts.failures(["user:alice", "ip:1", "ip:2"]) == {
        "user:alice": (2, now + 5),
        "ip:1": (1, now),
    }


async def test_old_failures_are_forgotten(world: KitWorld) -> None:
    """A key whose last failure is exactly as old as the limit keeps counting; an older one starts again."""
    now = world.clock.now()
    await world.store.attempts.add(["a", "b"], now, forget_after=HOUR)
    await world.store.attempts.add(["a"], Millis(now + HOUR), forget_after=HOUR)
    await world.store.attempts.add(["b"], Millis(now + HOUR + 1), forget_after=HOUR)
    found = await world.store.attempts.failures(["a", "b"])
    assert (found["a"][0], found["b"][0]) == (2, 1)


async def test_cleared_keys_begin_again(world: KitWorld) -> None:
    """Clearing forgets the keys it names and no other."""
    now = world.clock.now()
    await world.store.attempts.add(["a", "b"], now, forget_after=HOUR)
    await world.store.attempts.end([], now, clear=["a", "c"])
    assert await world.store.attempts.failures(["a", "b"]) == {"b": (1, now)}


async def test_many_addresses_do_not_fill_the_disk_for_good(world: KitWorld) -> None:
    """Keys that no one used for more than a week go with the next failures, twenty with each of them."""
    now = world.clock.now()
    await world.store.attempts.add([f"ip:{number}" for number in range(50)], now, forget_after=HOUR)
    week = 7 * 24 * HOUR
    await world.store.attempts.add(["new"], Millis(now + week), forget_after=HOUR)
    assert len(await world.store.attempts.failures([f"ip:{number}" for number in range(50)])) == 50
    for left in (30, 10, 0):
        await world.store.attempts.add(["new"], Millis(now + week + 1), forget_after=HOUR)
        found = await world.store.attempts.failures([f"ip:{number}" for number in range(50)])
        assert len(found) == left


async def test_an_attempt_under_way_is_counted_until_it_ends(world: KitWorld) -> None:
    """Unless the check refuses it: then nothing changes."""
    attempts, now = world.store.attempts, world.clock.now()

    def at_most_one(found: Failures) -> list[str]:
        if found:
            raise TooManyAttemptsError(1)
        return ["under way a"]

    keys = ["a", "under way a"]
    assert await attempts.begin(keys, now, at_most_one, forget_after=HOUR) == ["under way a"]
    with pytest.raises(TooManyAttemptsError):
        await attempts.begin(keys, now, at_most_one, forget_after=HOUR)
    assert await attempts.failures(keys) == {"under way a": (1, now)}
    await attempts.end(["under way a"], now, failed={"a": HOUR})
    assert await attempts.failures(keys) == {"a": (1, now)}
    with pytest.raises(TooManyAttemptsError):
        await attempts.begin(keys, now, at_most_one, forget_after=HOUR)
    await attempts.end([], now, clear=["a"])
    assert not await attempts.failures(keys)
