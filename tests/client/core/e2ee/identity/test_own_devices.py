"""Approving and revoking our own devices, with a server that would like to slip one in."""

import pytest
from tests.client.core.e2ee.identity_world import ANA, BEN, Registered, World

from parlour_client.core.e2ee.errors import NoAccountKeyError
from parlour_client.kit.errors import SetupError
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.identity import device_id_of, pairing_code
from parlour_protocol.kit.ids import DeviceId


async def test_approving_by_code(world: World):
    """The code that the new device shows approves it; the key log tells it, and it publishes packages."""
    first, second = await world.home(ANA), await world.home(ANA)
    approved = await first.identity.approve(second.identity.own().code)
    assert (approved.device, approved.status) == (second.device, DeviceStatus.ACTIVE)
    await second.identity.catch_up()
    assert second.identity.own().status is DeviceStatus.ACTIVE
    assert len(world.service.devices[second.device].packages) == 50
    assert not first.alarms()
    listed = await first.identity.devices()
    assert [(one.device, one.current) for one in listed] == [(first.device, True), (second.device, False)]


async def test_a_device_that_waits_is_known_to_those_that_can_approve_it(world: World):
    """With the code that it shows; once it is approved or revoked nothing waits any more."""
    first, second = await world.home(ANA), await world.home(ANA)
    for one in (first, second):
        await one.identity.look_for_waiting()
    (waiting,) = first.identity.waiting
    assert waiting.code == second.identity.own().code
    assert not second.identity.waiting
    await first.identity.approve(waiting.code)
    assert not first.identity.waiting
    third = await world.home(ANA)
    await first.identity.look_for_waiting()
    await first.identity.revoke(third.device)
    assert not first.identity.waiting


async def test_the_code_may_be_typed_as_people_type(world: World):
    """Case, spaces and dashes make no difference."""
    first, second = await world.home(ANA), await world.home(ANA)
    code = second.identity.own().code.replace("-", " ").upper()
    assert (await first.identity.approve(f" {code} ")).device == second.device


@pytest.mark.parametrize("code", ["", "-", "aaaa", "aaaa-aaaa-aaaa-aaaa", "{beginning}", "{longer}"])
async def test_another_code_approves_nothing(world: World, code: str):
    """A code must be there in full: a part of it would fit devices that a server can make."""
    first, second = await world.home(ANA), await world.home(ANA)
    whole = second.identity.own().code
    with pytest.raises(SetupError, match="shows this code"):
        await first.identity.approve(code.format(beginning=whole[:14], longer=whole + "a"))


async def test_a_server_cannot_put_its_own_key_behind_a_code(world: World):
    """The id is computed from the key: a ghost that the server lists under the typed code is not approved."""
    first, second = await world.home(ANA), await world.home(ANA)
    code = second.identity.own().code
    world.service.devices[second.device] = Registered(ANA, b"g" * 32)
    with pytest.raises(SetupError):
        await first.identity.approve(code)
    assert "certify" not in world.service.calls


async def test_a_revoked_device_cannot_be_approved_again(world: World):
    """A code of a device that was revoked, or is active, is refused though the server calls it pending."""
    first, second = await world.home(ANA), await world.home(ANA)
    code = second.identity.own().code
    await first.identity.approve(code)
    world.service.devices[second.device].status = DeviceStatus.PENDING
    with pytest.raises(SetupError, match="already"):
        await first.identity.approve(code)
    await first.identity.revoke(second.device)
    world.service.devices[second.device].status = DeviceStatus.PENDING
    with pytest.raises(SetupError, match="revoked"):
        await first.identity.approve(code)


async def test_without_the_account_key_nothing_is_signed(world: World):
    """A device that has only a certificate says where to go."""
    first, second = await world.home(ANA), await world.home(ANA)
    await first.identity.approve(second.identity.own().code)
    await second.identity.catch_up()
    for attempt in (
        second.identity.approve("aaaa-aaaa-aaaa-aaaa"),
        second.identity.revoke(first.device),
        second.identity.recovery_words(),
    ):
        with pytest.raises(NoAccountKeyError) as caught:
            await attempt
        assert "recovery words" in caught.value.hint


async def test_a_revoked_device_is_out(world: World):
    """A revocation is in the log, so that everyone stops sending to the device, and its list says so."""
    first, second, ben = await world.home(ANA), await world.home(ANA), await world.home(BEN)
    await first.identity.approve(second.identity.own().code)
    await first.identity.revoke(second.device)
    states = {one.device: one.status for one in await first.identity.devices()}
    assert states == {first.device: DeviceStatus.ACTIVE, second.device: DeviceStatus.REVOKED}
    assert [one.device for one in (await ben.contacts.person(ANA)).devices] == [first.device]


async def test_a_device_can_be_refused_before_it_is_approved(world: World):
    """A pending device that is not ours is revoked like any other."""
    first, second = await world.home(ANA), await world.home(ANA)
    await first.identity.revoke(second.device)
    with pytest.raises(SetupError):
        await first.identity.approve(second.identity.own().code)


async def test_unknown_devices_cannot_be_revoked(world: World):
    """Only devices of the account can be."""
    first, ben = await world.home(ANA), await world.home(BEN)
    for device in (ben.device, DeviceId("a" * 26)):
        with pytest.raises(SetupError, match="no such device"):
            await first.identity.revoke(device)


async def test_what_the_server_says_of_a_device_is_not_believed(world: World):
    """A device that the server calls active is pending while the log has no certificate of ours."""
    first = await world.home(ANA)
    ghost = device_id_of(ANA, world.service.server, b"g" * 32)
    world.service.devices[ghost] = Registered(ANA, b"g" * 32, DeviceStatus.ACTIVE)
    states = {one.device: one.status for one in await first.identity.devices()}
    assert states[ghost] is DeviceStatus.PENDING
    assert len(pairing_code(ghost)) == 19
