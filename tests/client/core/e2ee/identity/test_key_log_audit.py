"""An audit of the key log finds what someone put into the server's database by hand."""

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, Home, World

from parlour_client.core.e2ee.identity.key_log_audit import KeyLogAudit, audit
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_mls import Secret
from parlour_protocol.identity import AccountEntry, DeviceEntry, RevocationEntry
from parlour_protocol.identity.key_log import NO_POLICY, PolicyEntry, encode_entry
from parlour_protocol.kit.ids import Millis


async def audited(home: Home) -> KeyLogAudit:
    """Audit the log that a home's server shows."""
    return await audit(home.archive, home.session)


def words(found: KeyLogAudit) -> list[tuple[int, str]]:
    """Return what was found, with the numbers of the entries."""
    return [(one.number, one.words) for one in found.findings]


async def test_an_honest_log_has_nothing_to_find(world: World) -> None:
    """Read in pages of three: enrolment, a second device, its revocation, a policy, a key again."""
    world.service.page = 3
    ana, _ben = await world.home(ANA), await world.home(BEN)
    phone = await world.home(ANA)
    await ana.identity.approve(phone.own_identity.code)
    await ana.identity.revoke(phone.device)
    world.service.append(PolicyEntry(world.clock.now(), NO_POLICY))
    key = ana.own_identity.account_key
    assert key is not None
    world.service.append(AccountEntry(world.clock.now(), ANA, key))
    await ana.identity.catch_up()
    found = await audited(ana)
    assert found.findings == []
    assert found.tree.size == len(world.service.entries) == 8
    assert found.tree.root == world.service.head().root
    assert list(found.check.accounts) == [ANA, BEN]


@pytest.mark.parametrize("number", [3, 5])
async def test_a_key_that_was_slipped_in_is_found(world: World, number: int) -> None:
    """At the end, where devices follow it, or in the middle, where those that saw the log refuse it."""
    ana, _ben = await world.home(ANA), await world.home(BEN)
    await ana.identity.catch_up()
    entry = encode_entry(AccountEntry(world.clock.now(), ANA, AccountKey.generate().public))
    world.service.insert_late(entry, number)
    found = words(await audited(ana))
    assert (number, "ana's account key was replaced by another one.") in found
    others = [(at, "This device was shown another entry here.") for at in range(number, 5)]
    assert [one for one in found if "another entry" in one[1]] == others


async def test_statements_by_keys_that_are_not_in_force_are_found(world: World) -> None:
    """A device and a revocation by a stranger's key, and bytes that no one signed."""
    ana = await world.home(ANA)
    stranger = AccountKey.generate()
    world.service.certify(ANA, stranger, b"g" * 32)
    revocation = stranger.revoke(ANA, world.service.server, b"g" * 32, world.clock.now())
    world.service.append(RevocationEntry(world.clock.now(), revocation))
    world.service.append(DeviceEntry(world.clock.now(), b"nobody's"))
    world.service.entries.append(b"nothing")
    world.service.certify(EVE, stranger, b"e" * 32)
    assert words(await audited(ana)) == [
        (3, "A device of ana was added by a key that is not ana's."),
        (4, "A device of ana was revoked by a key that is not ana's."),
        (5, "It has no valid signature: no device takes anything from it."),
        (6, "It has no valid signature: no device takes anything from it."),
        (7, "A device of eve was added by a key that is not eve's."),
    ]


async def test_an_entry_that_is_dated_back_is_found(world: World) -> None:
    """A clock that is set right by a few seconds is not."""
    ana = await world.home(ANA)
    now = world.clock.now()
    for back in (5_000, 120_000):
        key = AccountKey.generate().public
        world.service.append(AccountEntry(Millis(now - back), EVE if back == 5_000 else BEN, key))
    assert words(await audited(ana)) == [(4, "It is dated before entries in front of it.")]


async def test_entries_that_are_not_the_signed_ones_are_found(world: World) -> None:
    """The server's head says something else than its pages."""
    ana = await world.home(ANA)
    honest = world.service.key_log

    def other(after: int) -> object:
        page = honest(after)
        world.service.entries = [encode_entry(AccountEntry(world.clock.now(), EVE, bytes(32)))] * 2
        return page

    world.service.page = 1
    world.service.key_log = other  # type: ignore[method-assign, assignment]
    assert (0, "The entries are not the ones that the server signed.") in words(await audited(ana))


async def test_another_log_key_and_entries_that_are_gone_are_found(world: World) -> None:
    """What the device refuses, the audit says."""
    ana = await world.home(ANA)
    world.service.log_seed = Secret(bytes(32))
    world.service.entries.pop()
    assert [said for _, said in words(await audited(ana))] == [
        "The server signs its key log with another key than before.",
        "The server took entries out of its key log: this device was shown 2.",
    ]


async def test_a_server_that_holds_entries_back_is_named(world: World) -> None:
    """It says that there are more than it shows."""
    ana = await world.home(ANA)
    world.service.page = 1
    honest = world.service.key_log

    def holding_back(after: int) -> object:
        page = honest(after)
        world.service.page = 0
        return page

    world.service.key_log = holding_back  # type: ignore[method-assign, assignment]
    with pytest.raises(ServerMisbehavedError, match="holds back"):
        await audited(ana)
