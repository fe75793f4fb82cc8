"""Verifying people: numbers and codes that must be typed, and what does not count."""

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, SERVER, World

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.trust.compare import Party, code_of
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import SetupError


async def test_both_sides_see_one_number_and_verify_by_its_end(world: World):
    """The safety number is the same on both sides; its last twenty digits verify, on each side by itself."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    one, other = await ana.contacts.person(BEN), await ben.contacts.person(ANA)
    assert one.safety_number == other.safety_number
    assert one.trust is Trust.FIRST_SEEN
    verified = await ana.contacts.confirm(BEN, f" {one.safety_number[-23:]}\n")
    assert verified.trust is ana.identity.trust(BEN) is Trust.VERIFIED
    assert verified.first_seen == one.first_seen
    assert (await ben.contacts.person(ANA)).trust is Trust.FIRST_SEEN


@pytest.mark.parametrize("typed", ["", "0", "00000", "{last}", "{first}"])
async def test_other_digits_do_not_verify(world: World, typed: str):
    """Neither an empty line nor only the last group, nor others than the last four."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    number = (await ana.contacts.person(BEN)).safety_number
    with pytest.raises(SetupError, match=r"the last (20 )?digits"):
        await ana.contacts.confirm(BEN, typed.format(first=number[:23], last=number[-5:]))
    assert ana.identity.trust(BEN) is Trust.FIRST_SEEN


async def test_a_key_that_changes_under_the_number_is_not_verified(world: World):
    """Digits that were compared before the server swapped the key do not verify the new one."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    number = (await ana.contacts.person(BEN)).safety_number
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identity.catch_up()
    with pytest.raises(SetupError):
        await ana.contacts.confirm(BEN, number)
    assert ana.identity.trust(BEN) is Trust.CHANGED
    new = (await ana.contacts.person(BEN)).safety_number
    assert (await ana.contacts.confirm(BEN, new[-23:])).trust is Trust.VERIFIED


async def test_a_code_verifies(world: World):
    """The code that one client shows verifies its person on another one."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    assert (await ana.contacts.check_code(BEN, ben.contacts.own_code())).trust is Trust.VERIFIED


async def test_a_code_with_another_key_is_reported_loudly(world: World):
    """When the server gives another key than the code, someone may be intercepting: nothing is verified."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    other = code_of(Party(BEN, SERVER, AccountKey.generate().public))
    with pytest.raises(EncryptionError, match="different key") as caught:
        await ana.contacts.check_code(BEN, other)
    assert "intercepting" in caught.value.hint
    assert ana.identity.trust(BEN) is not Trust.VERIFIED


async def test_a_code_of_someone_else_verifies_no_one(world: World):
    """A code of another person, of another server or of our own is refused."""
    ana, ben, eve = await world.home(ANA), await world.home(BEN), await world.home(EVE)
    elsewhere = code_of(Party(BEN, "elsewhere", ben.account.public))
    for code in (eve.contacts.own_code(), ana.contacts.own_code(), elsewhere):
        with pytest.raises(SetupError, match="not the code of ben"):
            await ana.contacts.check_code(BEN, code)
    with pytest.raises(SetupError, match="That is you"):
        await ana.contacts.check_code(ANA, ana.contacts.own_code())


async def test_who_has_no_key_is_unknown(world: World):
    """Someone who never logged in has no number, and nothing can be verified or accepted."""
    ana = await world.home(ANA)
    found = await ana.contacts.person(BEN)
    assert (found.trust, found.safety_number, found.first_seen) == (Trust.UNKNOWN, "", None)
    for attempt in (ana.contacts.confirm(BEN, ""), ana.contacts.accept_key(BEN)):
        with pytest.raises(EncryptionError, match="no account key yet"):
            await attempt


async def test_accepting_does_not_lower_what_was_verified(world: World):
    """A key that did not change cannot be accepted down to first seen by a wrong press."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.contacts.confirm(BEN, (await ana.contacts.person(BEN)).safety_number)
    assert (await ana.contacts.accept_key(BEN)).trust is Trust.VERIFIED


async def test_looking_twice_tells_the_views_once(world: World):
    """A view that asks again whenever something changed does not go round in circles."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.contacts.person(BEN)
    changes = ana.changes
    await ana.contacts.person(BEN)
    await ana.identity.devices()
    assert ana.changes == changes
