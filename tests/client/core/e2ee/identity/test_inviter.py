"""K20: the key in an invite link counts before anything that the server says of who invited us."""

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, Home, World

from parlour_client.core.archive import key_pins
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.identity.pins import Kind
from parlour_client.core.e2ee.values import Trust
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import Inviter

SERVER = "chat.example.org:8443"


async def introduced(world: World, key: bytes, *, server: str = SERVER) -> Home:
    """Return a new member, invited by ana with this key, who has a session and has not read the key log."""
    eve = await world.home(EVE, signed_in=False)
    await eve.archive.write_durably(pins.keep_inviter, SERVER, Inviter(ANA, PublicKey(key)))
    await eve.archive.write_durably(pins.pin_inviter, server, world.clock.now())
    return eve


async def test_who_invited_is_verified_before_the_server_shows_a_key(world: World) -> None:
    """Also while the server has shown none; everyone else is only first seen."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    eve = await introduced(world, ana.account.public)
    await eve.identity.refresh()
    assert eve.identity.trust(ANA) is Trust.VERIFIED
    eve.session.down = True
    found = await eve.contacts.person(ANA)
    assert (found.trust, found.safety_number, found.devices) == (Trust.VERIFIED, "", ())
    eve.session.down = False
    await eve.identity.sign_in()
    assert (await eve.judge(ana.certificate)).trust is Trust.VERIFIED
    assert (await eve.judge(ben.certificate)).trust is Trust.FIRST_SEEN
    assert (await eve.contacts.person(ANA)).safety_number == (await ana.contacts.person(EVE)).safety_number
    assert eve.alarms() == []


async def test_a_lying_server_that_shows_another_key_is_caught_at_first_contact(world: World) -> None:
    """Its key for the inviter is `changed` at once, nothing is sent to its device, and an alarm says why."""
    ana = await world.home(ANA)
    lying = world.service.fork()
    lying.entries.clear()
    false = AccountKey.generate()
    lying.swap_account_key(ANA, false)
    ghost = lying.certify(ANA, false, b"g" * 32)
    eve = await world.home(EVE, lying, signed_in=False)
    await eve.archive.write_durably(pins.keep_inviter, SERVER, Inviter(ANA, PublicKey(ana.account.public)))
    await eve.archive.write_durably(pins.pin_inviter, SERVER, world.clock.now())
    await eve.identity.sign_in()
    assert eve.identity.trust(ANA) is Trust.CHANGED
    found = await eve.judge(ghost)
    assert (found.kind, found.blocks) == (Kind.CHANGED, True)
    (alarm,) = eve.alarms()
    assert alarm.startswith("The server shows a different key for ana than the invite link")
    pinned = await eve.archive.write(key_pins.find, ANA)
    assert pinned is not None
    assert pinned.account_key == ana.account.public


async def test_a_key_that_changes_later_is_no_alarm_about_the_link(world: World) -> None:
    """A reset of someone whom the link named is what every reset is."""
    ana = await world.home(ANA)
    eve = await introduced(world, ana.account.public)
    await eve.identity.sign_in()
    world.service.swap_account_key(ANA, AccountKey.generate())
    await eve.identity.catch_up()
    assert eve.identity.trust(ANA) is Trust.CHANGED
    assert eve.alarms() == []


async def test_a_key_of_another_link_does_not_replace_one_that_is_pinned(world: World) -> None:
    """Nor does the log's: both are for the person to decide. The same key verifies who was first seen."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    await ana.contacts.person(BEN)
    key, other = ben.account.public, AccountKey.generate().public
    for told, trust in ((key, Trust.VERIFIED), (other, Trust.CHANGED)):
        await ana.archive.write_durably(pins.keep_inviter, SERVER, Inviter(BEN, PublicKey(told)))
        await ana.archive.write_durably(pins.pin_inviter, SERVER, world.clock.now())
        await ana.identity.refresh()
        assert ana.identity.trust(BEN) is trust
        pinned = await ana.archive.write(key_pins.find, BEN)
        assert pinned is not None
        assert pinned.account_key == key


@pytest.mark.parametrize("known", [False, True])
async def test_a_link_whose_key_the_log_that_is_here_denies(world: World, *, known: bool) -> None:
    """A home that was at the server before: what it has of the log does not win over the link in silence."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    if known:
        await ana.contacts.person(BEN)
    told = AccountKey.generate().public
    await ana.archive.write_durably(pins.keep_inviter, SERVER, Inviter(BEN, PublicKey(told)))
    await ana.archive.write_durably(pins.pin_inviter, SERVER, world.clock.now())
    await ana.identity.refresh()
    assert ana.identity.trust(BEN) is Trust.CHANGED
    assert len(ana.alarms()) == 1
    assert (await ana.judge(ben.certificate)).blocks


async def test_it_counts_for_the_server_of_the_link_alone_and_once(world: World) -> None:
    """A name elsewhere is someone else; and a later login does not take a decision back."""
    ana = await world.home(ANA)
    eve = await introduced(world, ana.account.public, server="elsewhere.example:8443")
    await eve.identity.sign_in()
    assert eve.identity.trust(ANA) is Trust.UNKNOWN
    await eve.archive.write_durably(pins.pin_inviter, SERVER, world.clock.now())
    await eve.identity.refresh()
    assert eve.identity.trust(ANA) is Trust.UNKNOWN
