"""Enrolling this device right after a login, without a running client.

It makes keys, registers and publishes key packages; it sends no message and joins nothing.
"""

import apsw

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.groups.group_store import GroupStore
from parlour_client.core.e2ee.identity import own_identity
from parlour_client.core.e2ee.identity.enrolment import Enrolment
from parlour_client.core.e2ee.identity.key_log import KeyLog, server_of
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import SystemClock
from parlour_protocol.ids import GroupId


async def enrol(archive: Archive, account: Account, delivery: Delivery) -> None:
    """Bind the session to this device. Raises ParlourClientError."""
    clock = SystemClock()
    key_log = KeyLog(archive, delivery, clock, own_identity.watch)
    enrolment = Enrolment(archive, account.user, account.device, delivery, key_log, clock)
    if (await enrolment.sign_in()).device_changed:
        await archive.write(_forget_groups)


def _forget_groups(connection: apsw.Connection) -> None:
    """Delete the groups of the previous device: the new one is in none of them."""
    store = GroupStore(server_of(connection))
    for (group,) in list(connection.execute("SELECT group_id FROM mls_groups")):
        store.drop(connection, GroupId(str(group)))
    connection.execute("UPDATE mls_rooms SET group_id = NULL, contested = 0")
