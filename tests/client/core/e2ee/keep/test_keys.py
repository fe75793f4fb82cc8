"""The keys of this device while it runs: the groups of its rooms stay in memory."""

from tests.client.core.client_parts import encrypted_rooms
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, EVE

from parlour_client.core.e2ee.values import Trust


async def test_another_persons_key_changes_no_group_of_this_device(harness: Harness):
    """A key that is seen for the first time, or an alarm, does not make every room be looked at again."""
    ana = await harness.open(ANA)
    await harness.open(EVE)
    mine = encrypted_rooms(ana)
    before = mine.keys.groups
    assert (await mine.person(EVE)).trust is Trust.FIRST_SEEN
    await harness.until(lambda: not mine.world.tasks._tasks)
    assert mine.keys.groups is before
