"""From a login to a usable device: first, second, after a revocation, after lost replies, against a liar."""

import asyncio
import re

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, PASSWORD, Home, World

from parlour_client.core.archive import own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.errors import DevicePendingError, OwnKeyChangedError
from parlour_client.core.e2ee.identity import own_device
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.e2ee.values import Trust
from parlour_client.kit.errors import ApiRefusedError, ServerMisbehavedError, SetupError, UnreachableError
from parlour_protocol.delivery import DeviceStatus, RegisterDevice
from parlour_protocol.frames.opaque import PublicKey, Signature
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.secret import Secret


async def test_the_first_device_needs_no_question(world: World):
    """The first device makes the account key, certifies itself, and has key packages out at once."""
    ana = await world.home(ANA)
    found = ana.identity.own()
    assert (found.status, found.has_account_key) == (DeviceStatus.ACTIVE, True)
    assert found.protection == "not protected by a passphrase"
    assert world.service.accounts[ANA] == ana.account.public
    assert len(world.service.devices[found.device].packages) == 50
    assert not ana.alarms()
    assert ana.identity.trust(ANA) is Trust.VERIFIED


async def test_key_packages_are_brought_once_however_often_it_is_asked_for(world: World):
    """A push about low keys, a grown key log and a reset may all want it at the same time."""
    ana = await world.home(ANA)
    kept = world.service.devices[ana.device].packages
    del kept[10:]
    world.service.calls.clear()
    await asyncio.gather(*(ana.identity.refresh_packages() for _ in range(3)))
    assert world.service.calls.count("packages") == 1
    assert len(kept) == 50


async def test_a_restart_changes_nothing(world: World):
    """Another program on the same home is the same device, and publishes nothing again."""
    ana = await world.home(ANA)
    device, entries = ana.device, len(world.service.entries)
    world.service.calls.clear()
    await ana.log_in_again()
    assert (ana.device, len(world.service.entries)) == (device, entries)
    assert world.service.calls == ["log", "register", "devices"]


async def test_a_second_device_waits(world: World):
    """A second device is pending: it has a code to show, no account key, and no key packages out."""
    first, second = await world.home(ANA), await world.home(ANA)
    found = second.identity.own()
    assert (found.status, found.has_account_key) == (DeviceStatus.PENDING, False)
    assert found.code.replace("-", "") == found.device[:16]
    assert not world.service.devices[found.device].packages
    with pytest.raises(DevicePendingError, match=found.code):
        await second.archive.write(own_device.load_active)
    assert not first.alarms()


async def test_keys_are_on_the_disk_before_the_server_hears_of_them(world: World):
    """Whatever call the process dies at, what the server has is what the archive holds."""
    ana = await world.home(ANA, signed_in=False)
    held: list[tuple[str, bool, bool]] = []

    def look(call: str) -> None:
        # The archive's own thread is idle while a call is under way: this reads what is written.
        connection = ana.archive._connection
        account = own_keys.get(connection, Name.ACCOUNT_SEED_NEXT) or own_keys.get(
            connection, Name.ACCOUNT_SEED
        )
        packages = own_keys.get(connection, Name.PACKAGES)
        assert not connection.in_transaction
        held.append((call, account is not None, packages is not None))

    ana.session.before = look
    await ana.identity.sign_in()
    assert ("publish", True, False) in held
    assert ("packages", True, True) in held


@pytest.mark.parametrize("call", ["publish", "register", "packages"])
async def test_a_lost_reply_is_made_up_for(world: World, call: str):
    """When the server did it and the answer was lost, the next login goes on with the same keys."""
    ana = await world.home(ANA, signed_in=False)
    ana.session.lose_reply_of = call
    with pytest.raises(UnreachableError):
        await ana.identity.sign_in()
    await ana.log_in_again()
    assert ana.identity.own().status is DeviceStatus.ACTIVE
    assert world.service.accounts[ANA] == ana.account.public
    assert len([device for device in world.service.devices.values() if device.user == ANA]) == 1
    assert len(world.service.devices[ana.device].packages) == 50
    assert not ana.alarms()


async def test_two_first_devices_do_not_make_two_keys(world: World):
    """When another device of ours is faster, this one drops its key and waits, without an alarm."""
    slow = await world.home(ANA, signed_in=False)
    faster = AccountKey.generate()

    def race(call: str) -> None:
        if call == "publish":
            world.service.swap_account_key(ANA, faster)

    slow.session.before = race
    await slow.identity.sign_in()
    assert slow.identity.own().status is DeviceStatus.PENDING
    assert not slow.identity.own().has_account_key
    assert not slow.alarms()
    assert await slow.archive.write(own_keys.get, Name.ACCOUNT_SEED_NEXT) is None


async def test_another_key_for_our_account_is_a_loud_alarm(world: World):
    """A server, or a thief with the password, that gives our account another key is told of at login."""
    ana = await world.home(ANA)
    world.service.swap_account_key(ANA, AccountKey.generate())
    with pytest.raises(OwnKeyChangedError):
        await ana.log_in_again()
    (alarm,) = ana.identity.alarms()
    assert "different identity key" in alarm.text
    assert "change the password" in alarm.text
    assert ana.identity.own().status is DeviceStatus.PENDING
    with pytest.raises(OwnKeyChangedError):
        await ana.identity.approve("aaaa-aaaa-aaaa-aaaa")


async def test_a_device_that_no_one_approved_here_is_an_alarm(world: World):
    """A device under our own account key that this one did not approve is told of, until dismissed."""
    ana = await world.home(ANA)
    world.service.certify(ANA, ana.account, b"g" * 32, "phone: all is well")
    await ana.log_in_again()
    (alarm,) = ana.identity.alarms()
    assert re.match(r"A device with the code (\w{4}-){3}\w{4} was added", alarm.text)
    assert "all is well" not in alarm.text  # a thief chose the name
    assert "revoke it now" in alarm.text
    await ana.identity.dismiss(alarm.id)
    assert not ana.identity.alarms()
    await ana.log_in_again()
    assert not ana.identity.alarms()


async def test_a_forged_device_of_ours_is_no_alarm(world: World):
    """A certificate in our name that our account key did not sign has no effect, so it alarms no one."""
    ana = await world.home(ANA)
    world.service.certify(ANA, AccountKey.generate(), b"g" * 32)
    await ana.identity.catch_up()
    assert not ana.alarms()


async def test_what_was_there_before_a_new_device_is_no_alarm(world: World):
    """A new device does not cry over the devices that its account had before it came."""
    first = await world.home(ANA)
    second = await world.home(ANA)
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    third = await world.home(ANA)
    assert not third.alarms()
    assert not second.alarms()


async def test_a_server_that_lost_our_key_gets_no_second_one(world: World):
    """A server that shows no key of ours any more is not given a new one: it would bury the old one."""
    ana = await world.home(ANA, signed_in=False)
    await ana.archive.write_durably(own_keys.put, Name.ACCOUNT_KEY, b"k" * 32)
    with pytest.raises(OwnKeyChangedError, match="lost"):
        await ana.identity.sign_in()
    assert "publish" not in world.service.calls


async def test_a_proof_is_bound_to_one_session(world: World):
    """A device's proof that was seen once opens no other session."""
    ana = await world.home(ANA)
    other = world.service.session(ANA)
    proof = Signature(ana.key.prove(ana.session.session))
    body = RegisterDevice(key=PublicKey(ana.key.public), proof=proof)
    await ana.session.register_device(body)
    with pytest.raises(ApiRefusedError):
        await other.register_device(body)
    assert ana.key.prove(SessionId("one")) != ana.key.prove(SessionId("other"))


async def test_a_server_that_takes_us_for_another_device_is_refused(world: World):
    """The server's answer must name the device that our key is."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    wrong = await ben.session.register_device(
        RegisterDevice(key=PublicKey(ben.key.public), proof=Signature(ben.key.prove(ben.session.session)))
    )

    async def mixed_up(body: RegisterDevice) -> object:
        del body
        return wrong

    ana.session.register_device = mixed_up  # type: ignore[method-assign, assignment]
    with pytest.raises(ServerMisbehavedError):
        await ana.identity.sign_in()


async def revoked_home(world: World) -> tuple[Home, Home]:
    """Return two devices of ana; the second one was approved and then revoked by the first."""
    first, second = await world.home(ANA), await world.home(ANA)
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    assert second.identity.own().status is DeviceStatus.ACTIVE
    await first.identity.revoke(second.device)
    return first, second


async def test_a_revoked_device_comes_back_as_another_one(world: World):
    """After a revocation the home makes a new key at its next login, and waits to be approved."""
    _, second = await revoked_home(world)
    old = second.device
    await second.log_in_again()
    assert second.device != old
    assert second.identity.own().status is DeviceStatus.PENDING
    assert second.replaced == 1
    assert await second.archive.write(own_keys.get, Name.PACKAGES) is None


async def test_the_recovery_words_approve_a_device(world: World):
    """When all else is lost, the words make a new device an active one that holds the account key."""
    first = await world.home(ANA)
    words = await first.identity.recovery_words()
    second = await world.home(ANA)
    await second.identity.recover(words)
    found = second.identity.own()
    assert (found.status, found.has_account_key) == (DeviceStatus.ACTIVE, True)
    assert len(world.service.devices[found.device].packages) == 50
    assert await second.identity.recovery_words() == words


async def test_words_of_another_account_are_refused(world: World):
    """Words that are a valid key, but not this account's, change nothing."""
    ben = await world.home(BEN)
    await world.home(ANA)
    second = await world.home(ANA)
    with pytest.raises(SetupError, match="different account key"):
        await second.identity.recover(await ben.identity.recovery_words())
    assert not second.identity.own().has_account_key


async def test_a_reset_makes_a_new_key_and_a_new_device(world: World):
    """After a reset everything is new; others see a changed key."""
    ana, ben = await world.home(ANA), await world.home(BEN)
    await ben.contacts.person(ANA)
    old = (ana.device, ana.account.public)
    await ana.identity.reset_identity(PASSWORD)
    found = ana.identity.own()
    assert (found.status, found.has_account_key) == (DeviceStatus.ACTIVE, True)
    assert found.device != old[0]
    assert world.service.accounts[ANA] == ana.account.public != old[1]
    assert ana.replaced == 1
    assert not ana.alarms()
    assert len(world.service.devices[found.device].packages) == 50
    await ben.identity.catch_up()
    assert ben.identity.trust(ANA) is Trust.CHANGED


async def test_a_reset_where_all_devices_are_lost(world: World):
    """The device that waits in vain for its approval makes the new key, in the session that it has."""
    await world.home(ANA)
    ana = await world.home(ANA)
    waiting = ana.device
    await ana.identity.reset_identity(PASSWORD)
    found = ana.identity.own()
    assert (found.device, found.status, found.has_account_key) == (waiting, DeviceStatus.ACTIVE, True)
    assert len(world.service.devices[waiting].packages) == 50


async def test_a_device_that_waits_goes_on_under_a_key_made_elsewhere(world: World):
    """Accepted, the new key approves the same device, in the session that it has."""
    first, second = await world.home(ANA), await world.home(ANA)
    waiting = second.device
    await first.identity.reset_identity(PASSWORD)
    await second.identity.catch_up()
    await second.contacts.accept_key(ANA)
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    assert (second.device, second.identity.own().status) == (waiting, DeviceStatus.ACTIVE)


async def test_a_wrong_password_resets_nothing(world: World):
    """A refused reset leaves keys and device as they were."""
    ana = await world.home(ANA)
    old = (ana.device, ana.account.public)
    with pytest.raises(ApiRefusedError):
        await ana.identity.reset_identity(Secret("wrong"))
    await ana.log_in_again()
    assert (ana.device, ana.account.public) == old


async def test_a_reset_whose_answer_was_lost_is_finished_at_the_next_login(world: World):
    """The new key is known for ours when the log shows it, though the server's answer never came."""
    ana = await world.home(ANA)
    old = ana.device
    ana.session.lose_reply_of = "publish"
    with pytest.raises(UnreachableError):
        await ana.identity.reset_identity(PASSWORD)
    await ana.log_in_again()
    assert ana.identity.own().status is DeviceStatus.ACTIVE
    assert ana.device != old
    assert world.service.accounts[ANA] == ana.account.public
    assert not ana.alarms()
    assert ana.replaced == 1


async def test_a_reset_elsewhere_can_be_accepted(world: World):
    """Another device of ours sees the alarm, and after the person's decision waits for approval."""
    first, second = await world.home(ANA), await world.home(ANA)
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    await first.identity.reset_identity(PASSWORD)
    with pytest.raises(OwnKeyChangedError):
        await second.log_in_again()
    old = second.device
    await second.contacts.accept_key(ANA)
    assert second.device != old
    assert second.identity.own().status is DeviceStatus.PENDING
    assert not second.identity.alarms()
    assert second.replaced == 1
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    assert second.identity.own().status is DeviceStatus.ACTIVE


async def test_new_words_bring_a_device_back_after_a_reset(world: World):
    """The words of the new key also say that the change was ours."""
    first, second = await world.home(ANA), await world.home(ANA)
    await first.identity.reset_identity(PASSWORD)
    with pytest.raises(OwnKeyChangedError):
        await second.log_in_again()
    await second.identity.recover(await first.identity.recovery_words())
    assert second.identity.own().status is DeviceStatus.ACTIVE
    assert not second.identity.alarms()


async def test_accepting_our_own_unchanged_key_changes_nothing(world: World):
    """A wrong press does not throw the device away."""
    ana = await world.home(ANA)
    old = ana.device
    await ana.contacts.accept_key(ANA)
    assert (ana.device, ana.replaced) == (old, 0)
    assert ana.identity.own().has_account_key


async def test_a_certificate_by_a_made_up_account_key_is_not_ours(world: World):
    """A pending device does not take itself for approved by a key that is not its account's pinned one."""
    await world.home(ANA)
    second = await world.home(ANA)
    liar = AccountKey.generate()
    world.service.swap_account_key(ANA, liar)
    world.service.certify(ANA, liar, second.key.public)
    await second.identity.catch_up()
    assert second.identity.own().status is DeviceStatus.PENDING
    assert "different identity key" in second.alarms()[0]
