"""Whom one device of a person verified is verified on the others, and no other key is."""

import asyncio

from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, World
from tests.client.core.e2ee.test_orchestration import pair

from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.values import Trust


async def test_whom_one_verified_is_verified_on_the_other_device(harness: Harness) -> None:
    """People compare keys with people, once; who was only seen is only seen there, too."""
    ana, _, _ = await pair(harness)
    phone = await harness.open(ANA, "phone")
    eve = await harness.open(EVE)
    number = (await ana.encryption.person(BEN)).safety_number
    await ana.encryption.person(EVE)
    await ana.encryption.confirm(BEN, number)
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    assert phone.encryption.trust(BEN) is not Trust.VERIFIED
    sending = asyncio.ensure_future(ana.send_history(phone.encryption.own().device))
    await harness.until(sending.done)
    await harness.until(lambda: phone.encryption.trust(BEN) is Trust.VERIFIED)
    assert phone.encryption.trust(EVE) is not Trust.VERIFIED
    assert eve.encryption.trust(BEN) is not Trust.VERIFIED


async def test_another_key_than_the_compared_one_is_not_verified(world: World) -> None:
    """Nor is a change that was seen here undone by what was compared before it, but by what was after."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    key = await ana.archive.write(pins.meet, BEN, world.clock.now())
    assert key is not None
    await ana.archive.write(pins.verify_shared, BEN, b"k" * 32, world.clock.now())
    await ana.identity.refresh()
    assert ana.identity.trust(BEN) is Trust.FIRST_SEEN
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identity.catch_up()
    await ana.archive.write(pins.verify_shared, BEN, key, world.clock.now())
    await ana.identity.refresh()
    assert ana.identity.trust(BEN) is Trust.CHANGED
    changed = await ana.archive.write(pins.meet, BEN, world.clock.now())
    assert changed is not None
    await ana.archive.write(pins.verify_shared, BEN, changed, world.clock.now())
    await ana.identity.refresh()
    assert ana.identity.trust(BEN) is Trust.VERIFIED  # the person decided, on the other device
