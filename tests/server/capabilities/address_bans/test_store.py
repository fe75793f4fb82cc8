"""Bans of networks, on both engines: kept, ended, lifted, and told to running servers."""

from ipaddress import ip_network

import pytest
from tests.server.core.store.world import KitWorld

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.address_bans import store
from parlour_server.capabilities.address_bans.store import CHANGED, AddressBan, AddressBans
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.records import Changed

DAY = 86_400_000


def ban(world: KitWorld, network: str, *, days: int | None = None, reason: str = "") -> AddressBan:
    """Return a ban that begins now."""
    now = world.clock.now()
    return AddressBan(ip_network(network), reason, now, None if days is None else Millis(now + days * DAY))


async def test_bans_are_replaced_listed_until_they_end_and_lifted(world: KitWorld) -> None:
    """Each change is in the journal; lifting what is not banned changes nothing."""
    bans, journal = AddressBans(world.store, world.clock), world.store.journal
    await bans.put(ban(world, "198.51.100.0/24", days=1, reason="floods"))
    await bans.put(ban(world, "198.51.100.0/24", days=2))
    await bans.put(ban(world, "2001:db8::/64"))
    assert await bans.all() == [ban(world, "198.51.100.0/24", days=2), ban(world, "2001:db8::/64")]
    assert [entry.what for entry in await journal.since(0)] == [Changed(CHANGED)] * 3
    assert not await bans.remove(ip_network("198.51.100.0/25"))
    assert len(await journal.since(0)) == 3
    world.clock.forward(2 * 86_400)
    assert [str(one.network) for one in await bans.all()] == ["2001:db8::/64"]
    assert await bans.remove(ip_network("2001:db8::/64"))
    assert await bans.all() == []
    assert len(await journal.since(0)) == 4


async def test_the_number_of_bans_is_limited(world: KitWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that ended do not count, and one in place of another is no new one."""
    monkeypatch.setattr(store, "MOST_BANS", 2)
    bans = AddressBans(world.store, world.clock)
    for network, days in (("192.0.2.1/32", None), ("192.0.2.2/32", 1)):
        await bans.put(ban(world, network, days=days))
    with pytest.raises(RefusedError, match="limit_reached"):
        await bans.put(ban(world, "192.0.2.3/32"))
    await bans.put(ban(world, "192.0.2.2/32", days=1))
    world.clock.forward(2 * 86_400)
    await bans.put(ban(world, "192.0.2.3/32"))
