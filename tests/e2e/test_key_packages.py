"""Key packages over a real server: several programs of one device may upload at the same time."""

import asyncio

from tests.e2e.processes import DEADLINE, Person
from tests.e2e.test_encryption import running

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.account.sign_in import open_archive
from parlour_client.core.archive import Archive
from parlour_client.core.client import delivery_over_tls
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import Verifier
from parlour_protocol.delivery import DeviceList, KeyPackages
from parlour_protocol.kit.secret import Secret


class Late(DeliveryClient):
    """The delivery service as a program sees it that is late: it acts on what was so before."""

    def __init__(self, profile: Profile, other_is_done: asyncio.Event) -> None:
        super().__init__(
            Api(Verifier(profile.address, profile.trust), keep=True), lambda: session_of(profile)
        )
        self._other_is_done = other_is_done
        self.asked = asyncio.Event()

    async def devices(self) -> DeviceList:
        """List them, and hand the list over late."""
        found = await super().devices()
        self.asked.set()
        await self._other_is_done.wait()
        return found


def session_of(profile: Profile) -> Secret:
    """Return the session, which is there."""
    assert profile.session is not None
    return profile.session


async def _replaced() -> None:
    """Nothing must be forgotten."""


def program(archive: Archive, profile: Profile, directory: DeliveryClient) -> Identity:
    """Return the keys of ada's device, as one more program on her home has them."""
    return Identity(archive, profile.user, profile.device, directory, SystemClock(), _replaced, lambda: None)


async def test_two_programs_of_one_device_bring_some_at_once(ada: Person) -> None:
    """Both saw that none were left, and both bring fifty: neither is refused, and fifty are there."""
    archive = await open_archive(ChatHome(ada.home))
    profile = await ArchivedProfile(archive).load()
    delivery = delivery_over_tls(lambda: profile)
    assert isinstance(delivery, DeliveryClient)
    try:
        async with running(ada.home) as client, asyncio.timeout(DEADLINE):
            device = client.encryption.own().device
            await delivery.put_packages(device, KeyPackages(packages=(), replace=True))
            done = asyncio.Event()
            late = Late(profile, done)
            second = program(archive, profile, late)
            await second.refresh()
            bringing = asyncio.ensure_future(second.refresh_packages())
            await late.asked.wait()
            first = program(archive, profile, delivery)
            await first.refresh()
            await first.refresh_packages()
            done.set()
            await bringing
            await late.close()
            info = next(one for one in (await delivery.devices()).devices if one.device == device)
            assert (info.packages, info.last_resort) == (50, True)
    finally:
        await delivery.close()
        await archive.close()
