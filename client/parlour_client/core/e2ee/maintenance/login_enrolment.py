"""Enrolling this device right after a login, without a running client.

It makes keys, registers and publishes key packages; it sends no message and joins nothing.
"""

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.groups.delivery import Delivery
from parlour_client.core.e2ee.identity import own_identity
from parlour_client.core.e2ee.identity.enrolment import Enrolment
from parlour_client.core.e2ee.identity.key_log import KeyLog
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import SystemClock


async def enrol(archive: Archive, account: Account, delivery: Delivery) -> None:
    """Bind the session to this device. Raises ParlourClientError."""
    clock = SystemClock()
    key_log = KeyLog(archive, delivery, clock, own_identity.watch)
    enrolment = Enrolment(archive, account.user, account.device, delivery, key_log, clock)
    await enrolment.sign_in()
