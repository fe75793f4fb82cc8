"""Enrolling this device right after a login, without a running client.

It makes keys, registers and publishes key packages; it sends no message and joins nothing. ``signin`` calls
it.
"""

import apsw

from parlour_client.core.account.profile import Profile
from parlour_client.core.archive import Archive
from parlour_client.core.clock import SystemClock
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.groups.group_store import GroupStore
from parlour_client.core.e2ee.identities import Identities
from parlour_client.core.e2ee.identity.key_log import server_of
from parlour_client.core.errors import EncryptionError
from parlour_protocol.encrypted import VerifyContent
from parlour_protocol.ids import GroupId, RoomId
from parlour_protocol.names import UserName


class _NoWire:
    """There is no connection yet, and nothing to say."""

    async def direct_room(self, user: UserName) -> RoomId:
        raise EncryptionError(f"There is no connection to write to {user}.")

    async def say(self, room: RoomId, content: VerifyContent) -> None:
        raise EncryptionError(f"There is no connection to say {content.step} in {room}.")

    async def device_replaced(self) -> None:
        return None  # the client looks at what it holds when it starts


async def enrol(archive: Archive, profile: Profile, delivery: Delivery) -> None:
    """Let the session speak for this device. Raises ParlourClientError."""
    identities = Identities(
        archive, profile.user, profile.device, delivery, SystemClock(), _NoWire(), lambda: None
    )
    signed_in = await identities.sign_in()
    if signed_in.device_changed:
        await archive.run(_forget_groups)


def _forget_groups(connection: apsw.Connection) -> None:
    """Drop the groups of the device that was here before: their keys are of no use to the new one."""
    group_store = GroupStore(server_of(connection))
    for (group,) in list(connection.execute("SELECT group_id FROM mls_groups")):
        group_store.drop(connection, GroupId(str(group)))
    connection.execute("UPDATE mls_rooms SET group_id = NULL, contested = 0")
