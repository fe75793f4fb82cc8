"""Joining and logging in to a chat: the kit's sign-in, with the inviter's key and this device's certificate.

The commands and the TUI's first screen use it.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Final

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.values import Trust as PersonTrust
from parlour_client.core.errors import login_hint
from parlour_client.kit.account.profile import Account, Profile
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog
from parlour_client.kit.account.sign_in import SignIn, if_taken, trust_of
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import (
    ParlourClientError,
    SetupError,
)
from parlour_client.kit.language import _
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import Trust, Verifier
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import ChatInviteLink, Inviter
from parlour_protocol.kit.api import SessionCreated
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey

_ENROL_SECONDS: Final = 20.0


async def open_archive(home: ChatHome, passphrase: Secret | None = None) -> Archive:
    """Open the home's archive."""
    return await Archive.open(home.archive, home.key, passphrase)


class ChatSignIn:
    """The account of one home, over an open archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.account = SignIn(
            ArchivedProfile(archive),
            accepted=self._pin_inviter,
            login_hint=lambda account: login_hint(account.server, account.user),
        )
        """The part that isn't special to a chat: the saved login, logging out, sessions, the password."""

    async def join(
        self,
        link: ChatInviteLink,
        user: UserName,
        password: Secret,
        device: DeviceName,
        dialog: FactorDialog = NO_DIALOG,
    ) -> Account:
        """Create an account with an invite, and log in; an account that exists is only logged in.

        The link names the inviter's key.
        """
        from parlour_client.core.e2ee.identity import pins  # noqa: PLC0415 - only where keys are needed

        await self.account.fits(link.link.address, user)
        by_themselves = link.by is not None and link.by.user == user
        if link.by is not None and not by_themselves:
            # before the server is asked: it may not answer, and leave the login to us
            await self._archive.write_durably(pins.keep_inviter, link.link.address.authority, link.by)
        made = None if by_themselves else await self.account.make_account(link.link, user, password)
        with if_taken(user, taken=made is None):
            address, trust = link.link.address, trust_of(link.link)
            return await self.log_in(address, trust, made or user, password, device, dialog)

    async def login_link(self) -> LoginLink:
        """Return the link by which another device of this account finds the server: it has no secret."""
        profile = await self.account.store.load()
        pin = await Verifier(profile.address, profile.trust).pin()  # another device has no file of the CA
        return LoginLink(profile.address, profile.user, pin)

    async def log_in(
        self,
        address: ServerAddress,
        trust: Trust | None,
        user: UserName,
        password: Secret,
        device: DeviceName,
        dialog: FactorDialog = NO_DIALOG,
    ) -> Account:
        """Log in, save the session and bind it to this device."""
        return await self._enrolled(await self.account.log_in(address, trust, user, password, device, dialog))

    async def log_in_by(
        self,
        begin: Callable[[Api, SessionKey], Awaitable[SessionCreated]],
        address: ServerAddress,
        trust: Trust | None,
        device: DeviceName,
    ) -> Account:
        """Log in by another means than a password: see the kit's."""
        return await self._enrolled(await self.account.log_in_by(begin, address, trust, device))

    async def _enrolled(self, account: Account) -> Account:
        profile = await self.account.store.load()
        if profile.session is not None:
            await self._enrol(profile, profile.session)
        return account

    async def inviter(self) -> Inviter:
        """Return us as an invite link names us. Raises DevicePendingError before this device is approved."""
        from parlour_client.core.e2ee.identity import own_device  # noqa: PLC0415 - only where keys are needed

        await self.account.store.load()
        found = await self._archive.read(own_device.load_active)  # else the server chose the key
        return Inviter(found.user, PublicKey(found.account_key or b""))

    async def invite(self, link: ChatInviteLink) -> ChatInviteLink:
        """Return a link to our server as an invite link from us."""
        profile = await self.account.store.load()
        same_key = link.link.pin is not None and link.link.pin == profile.pin
        if link.link.address.authority != profile.server and not same_key:
            raise SetupError(
                _("This link is for {authority}, but your account is on {server}.").format(
                    authority=link.link.address.authority, server=profile.server
                ),
                _("Use a link for that server, or another account: --home DIR or --account NAME."),
            )
        return dataclasses.replace(link, by=await self.inviter())

    async def trust(self, user: UserName) -> PersonTrust:
        """Return how far a person's key is trusted."""
        from parlour_client.core.e2ee.identity import pins  # noqa: PLC0415 - only where keys are needed

        return await self._archive.read(pins.trust, user)

    async def _pin_inviter(self, profile: Profile) -> None:
        from parlour_client.core.e2ee.identity import pins  # noqa: PLC0415 - only where keys are needed

        await self._archive.write_durably(pins.pin_inviter, profile.server, SystemClock().now())

    async def _enrol(self, profile: Profile, session: Secret) -> None:
        """Bind the session to this device at once, so that others can write to it before it chats.

        A server without encryption, or a slow one, does not fail the login: the client tries again.
        """
        from parlour_client.core.e2ee.identity.account import Identity  # noqa: PLC0415
        from parlour_client.core.transport.delivery_client import DeliveryClient  # noqa: PLC0415 - only where keys are needed

        delivery = DeliveryClient(Api(Verifier(profile.address, profile.trust), keep=True), lambda: session)
        try:
            async with asyncio.timeout(_ENROL_SECONDS):
                identity = Identity(
                    self._archive, profile.account.user, profile.account.device, delivery, SystemClock()
                )
                await identity.sign_in()
        except (ParlourClientError, TimeoutError):
            return
        finally:
            await delivery.close()
