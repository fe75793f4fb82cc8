"""Keys that a server, or a member who works with it, hands out: false, old, or of no strength."""

from dataclasses import replace

import pytest
from msgspec import structs
from tests.client.core.client_parts import encrypted_rooms

from parlour_client.core.e2ee.identity.keys import KNOWN
from parlour_lab.hostile.people import Device, World
from parlour_mls import KeyPackageStore, Lifetime, Policy
from parlour_mls.messages import KeyPackage, encode_message
from parlour_protocol.delivery import ClaimedKeyPackages, Welcomes
from parlour_protocol.frames import AnyRequest
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.kit.names import parse_user_name

LOW = {"zero": bytes(32), "one": b"\1" + bytes(31), "prime": b"\xed" + b"\xff" * 30 + b"\x7f"}
"""Points of small order: what is encrypted to one of them anyone can read."""


def package_of(device: Device, *, init: bytes = b"", leaf: bytes = b"") -> bytes:
    """Make a key package of a real device, by its own keys, with another key in it."""
    own = encrypted_rooms(device.client).identity.identity
    assert own is not None
    store, now = KeyPackageStore(), device.world.clock.now() // 1000
    store.create(
        own.key.credential, own.key.signer, Lifetime(now - 3_600, now + 86_400),
        leaf_extensions=own.leaf_extensions, policy=Policy(extensions=KNOWN),
    )  # fmt: skip
    (made,) = store
    changed = replace(made.leaf_node, encryption_key=leaf or made.leaf_node.encryption_key)
    whole: KeyPackage = replace(
        made, init_key=init or made.init_key, leaf_node=changed.signed(own.key.signer)
    )
    return encode_message(whole.signed(own.key.signer))


def hand_out(to: Device, of: Device, package: bytes) -> None:
    """Have the server hand out this key package of a device, to one client."""
    device = of.client.encryption.own().device

    def changed(claimed: ClaimedKeyPackages) -> ClaimedKeyPackages:
        found = [
            structs.replace(one, package=KeyPackageBytes(package)) if one.device == device else one
            for one in claimed.packages
        ]
        return ClaimedKeyPackages(packages=tuple(found))

    to.lies.answers["claim"] = changed


@pytest.mark.parametrize(("low", "where"), [("zero", "init"), ("one", "leaf"), ("prime", "leaf")])
async def test_a_key_of_low_order(world: World, low: str, where: str) -> None:
    """A member's key package whose key protects nothing adds no one, and the member is named."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    key = LOW[low]
    package = package_of(cat, init=key) if where == "init" else package_of(cat, leaf=key)
    for device in (ada, ben):
        hand_out(device, cat, package)
    await world.during(ada.client.invitations.send(room, parse_user_name("cat")))
    await world.during(cat.client.invitations.accept(room))
    await world.told(ada, "cat")
    assert "cat" not in {member.user for member in (await ada.report(room)).members}
    await world.goes_on(room, ada, ben)
    assert "low-order" in (await ada.client.encryption.left_out(room))[parse_user_name("cat")]
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_key_package_of_another_device(world: World) -> None:
    """A key package of the operator's own device adds no one in a member's name; the right one does later."""
    ada, ben, cat, spy = await world.start("ada", "ben", "cat", "spy")
    room = await world.room(ada, ben)
    for device in (ada, ben):
        hand_out(device, cat, package_of(spy))
    await world.during(ada.client.invitations.send(room, parse_user_name("cat")))
    await world.during(cat.client.invitations.accept(room))
    await world.goes_on(room, ada, ben)
    assert {member.user for member in (await ada.report(room)).members} == {"ada", "ben"}
    assert "another device" in (await ada.client.encryption.left_out(room))[parse_user_name("cat")]
    for device in (ada, ben):
        device.lies.end()
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


async def test_no_key_package(world: World) -> None:
    """A device without a key package stays outside, which is told, and is admitted once there is one."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    for device in (ada, ben):
        device.lies.answers["claim"] = lambda _: ClaimedKeyPackages(packages=())
    await world.during(ada.client.invitations.send(room, parse_user_name("cat")))
    await world.during(cat.client.invitations.accept(room))
    await world.told(cat, "Waiting for a member's device to add this one")
    for device in (ada, ben):
        device.lies.end()
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


async def test_a_welcome_repeated(world: World) -> None:
    """Welcomes that were used, or that lead back into a room that was left, lead nowhere and end nothing."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room, other = await world.room(ada, ben), await world.room(ada, ben, cat)
    seen: list[Welcomes] = []

    def kept(found: Welcomes) -> Welcomes:
        seen.append(found)
        return found

    cat.lies.answers["welcomes"] = kept
    await world.admit(room, ada, cat)
    await world.kick(room, ada, cat)
    old = [one for found in seen for one in found.welcomes]
    assert old
    cat.lies.answers["welcomes"] = lambda found: structs.replace(found, welcomes=(old[0],))
    await cat.stop()
    await cat.start(ready=False)
    await world.goes_on(other, ada, ben, cat)
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_message_for_a_past_epoch_after_a_removal(world: World) -> None:
    """What a removed member encrypted before, and the server places behind the removal, is not shown."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    kept: list[SendEncrypted] = []

    def keep(frame: AnyRequest) -> AnyRequest | None:
        if isinstance(frame, SendEncrypted):
            kept.append(frame)
            return None
        return frame

    cat.lies.requests.append(keep)
    text = str((await cat.queue(room)).text)
    await world.until(lambda: bool(kept))
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    async with world.halted() as server:
        late = kept[0]
        server.append(room, "cat", EncryptedMessage(group=late.group, epoch=late.epoch, data=late.data))
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        assert text not in await device.read(room)
        await world.told(device, "cat")
    await world.judge()
