"""Limits of single accounts, on both engines: kept, taken back, and told to running servers."""

from tests.server.core.store.world import KitWorld

from parlour_server.capabilities.user_limits import CAPABILITY
from parlour_server.capabilities.user_limits.store import CHANGED, UserLimits
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.store.records import Changed


async def test_limits_of_an_account_are_kept_until_they_are_taken_back(world: KitWorld) -> None:
    """Each change is in the journal, in one entry."""
    alice, limits, now = await world.account("alice"), UserLimits(world.store), world.clock.now()
    await limits.change(alice, {"a": 2**40, "b": 0}, now)
    await limits.change(alice, {"a": 3, "b": None}, now)
    assert await limits.all() == [(alice, "a", 3)]
    assert await limits.of(alice) == {"a": 3}
    assert [entry.what for entry in await world.store.journal.since(0)] == [Changed(CHANGED)] * 2


async def test_servers_learn_that_limits_went_with_their_account(world: KitWorld) -> None:
    """The deletion is in the journal as a change of limits: they are gone everywhere."""
    alice, limits = await world.account("alice"), UserLimits(world.store)
    await limits.change(alice, {"a": 1}, world.clock.now())
    head = await world.store.journal.head()
    assert CAPABILITY.tables is not None
    await world.store.accounts.close(ByOperator(alice), "unusable", CAPABILITY.tables.of_accounts)
    assert await limits.all() == []
    assert Changed(CHANGED) in [entry.what for entry in await world.store.journal.since(head)]
