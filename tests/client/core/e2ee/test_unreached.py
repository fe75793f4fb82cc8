"""Who could not read what is sent is said with the reason, also where no message goes without them."""

from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN

from parlour_client.core.client import Client
from parlour_protocol.frames.opaque import KeyPackageBytes


def spoil(harness: Harness, client: Client) -> None:
    """Let the server give out bytes of its own in place of a device's key packages."""
    device = harness.server.devices[client.encryption.own().device]
    device.packages, device.last_resort = [KeyPackageBytes(b"\0" * 400)] * 9, None


async def test_a_direct_room_says_why_the_other_device_could_not_be_added(harness: Harness) -> None:
    """Not that there is none: it is there, and the server gave out false keys for it."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    spoil(harness, ben)
    room = await ana.rooms.open_direct(BEN)
    await ana.messages.send(room.id, "hello")
    await harness.until(lambda: any(one.entry.problem for one in ana.messages.outgoing()))
    (waiting,) = ana.messages.outgoing()
    said = waiting.entry.problem
    assert said.startswith(
        "No device of ben could be added, so they could not read it (no usable key package"
    )
    assert "No device of ben could be added (no usable key package" in ana.encryption.room(room.id).problem
