"""Joining, logging in, logging out, sessions and the password: everything outside of chatting.

The server is verified before a credential is sent; the password is used once and never stored. A home has one
account: logging in as someone else, or elsewhere, is refused rather than mixing two histories. The commands
and the TUI's first screen use it.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from msgspec.structs import replace

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.status import Trust as PersonTrust
from parlour_client.core.model import Account
from parlour_client.kit.account.home import Home
from parlour_client.kit.account.profile import Profile, load_profile, save_profile, trust_fields
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import (
    LoggedOutError,
    NoAccountError,
    ParlourClientError,
    SessionEndedError,
    SetupError,
)
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import Pin, SystemRoots, Trust, Verifier
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import ChatInviteLink, Inviter
from parlour_protocol.kit.api import Login, NewAccount, PasswordChange, SessionInfo
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret

_ENROL_SECONDS: Final = 20.0


async def open_archive(home: Home, passphrase: Secret | None = None) -> Archive:
    """Open the home's archive."""
    return await Archive.open(home.archive, home.key, passphrase)


class SignIn:
    """The account of one home, over an open archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def saved(self) -> Account | None:
        """Return the account that is logged in here, None if there is none."""
        try:
            profile = await load_profile(self._archive)
        except NoAccountError:
            return None
        return profile.account if profile.session is not None else None

    async def join(
        self, link: ChatInviteLink, user: UserName, password: Secret, device: DeviceName
    ) -> Account:
        """Create an account with an invite, and log in. The link names the inviter's key."""
        from parlour_client.core.e2ee.identity import inviter  # noqa: PLC0415 - only where keys are needed

        trust: Trust = Pin(link.link.pin) if link.link.pin is not None else SystemRoots()
        if link.by is not None and link.by.user == user:
            raise SetupError(f"This link is from {user}.", "Choose another name for your account.")
        await self._fits(link.link.address, user)
        if link.by is not None:  # before the server is asked: it may not answer and leave the login to us
            await self._archive.write_durably(inviter.keep, link.link.address.authority, link.by)
        api = Api(Verifier(link.link.address, trust))
        made = await api.make_account(NewAccount(invite=link.link.code, username=user, password=password))
        return await self.log_in(link.link.address, trust, made.user, password, device)

    async def log_in(
        self,
        address: ServerAddress,
        trust: Trust | None,
        user: UserName,
        password: Secret,
        device: DeviceName,
    ) -> Account:
        """Log in and save the session. Without ``trust`` the server is verified as it was the last time."""
        known = await self._fits(address, user)
        if trust is None:
            trust = known.trust if known is not None else SystemRoots()
        unopened = Profile(
            server=address.authority, user=user, device=device, session=None, **trust_fields(trust)
        )
        profile, session = await self._open_session(unopened, password)
        await self._enrol(profile, Verifier(address, trust), session)
        return profile.account

    async def log_in_again(self, password: Secret) -> Profile:
        """Open another session for the account of this home, from the same device, and save it.

        The running client binds it to the device.
        """
        profile, _ = await self._open_session(await load_profile(self._archive), password)
        return profile

    async def inviter(self) -> Inviter:
        """Return us as an invite link names us. Raises DevicePendingError before this device is approved."""
        from parlour_client.core.e2ee.identity import own_identity  # noqa: PLC0415 - only where keys are needed

        await load_profile(self._archive)
        found = await self._archive.read(own_identity.load_active)  # else the server chose the key
        return Inviter(found.user, PublicKey(found.account_key or b""))

    async def invite(self, link: ChatInviteLink) -> ChatInviteLink:
        """Return a link to our server as an invite link from us."""
        profile = await load_profile(self._archive)
        same_key = link.link.pin is not None and link.link.pin == profile.pin
        if link.link.address.authority != profile.server and not same_key:
            raise SetupError(
                f"This link is for {link.link.address.authority}, but your account is on {profile.server}.",
                "Use a link for that server, or another account: --home DIR or --account NAME.",
            )
        return dataclasses.replace(link, by=await self.inviter())

    async def trust(self, user: UserName) -> PersonTrust:
        """Return how far a person's key is trusted."""
        from parlour_client.core.e2ee.identity import key_trust  # noqa: PLC0415 - only where keys are needed

        return await self._archive.read(key_trust.trust, user)

    async def _open_session(self, profile: Profile, password: Secret) -> tuple[Profile, Secret]:
        from parlour_client.core.e2ee.identity import inviter  # noqa: PLC0415 - only where keys are needed

        login = Login(username=profile.user, password=password, device=profile.device)
        made = await Api(Verifier(profile.address, profile.trust)).log_in(login)
        if made.user != profile.user:
            raise SetupError("The server answered for a different account.", "Ask the server's owner.")
        await self._archive.write_durably(inviter.pin, profile.server, SystemClock().now())
        profile = replace(profile, session=made.session)
        await save_profile(self._archive, profile)
        return profile, made.session

    async def _enrol(self, profile: Profile, verifier: Verifier, session: Secret) -> None:
        """Bind the session to this device at once, so that others can write to it before it chats.

        A server without encryption, or a slow one, does not fail the login: the client tries again.
        """
        from parlour_client.core.e2ee.maintenance.login_enrolment import enrol  # noqa: PLC0415
        from parlour_client.core.transport.delivery_client import DeliveryClient  # noqa: PLC0415 - only where keys are needed

        delivery = DeliveryClient(Api(verifier, keep=True), lambda: session)
        try:
            async with asyncio.timeout(_ENROL_SECONDS):
                await enrol(self._archive, profile.account, delivery)
        except (ParlourClientError, TimeoutError):
            return
        finally:
            await delivery.close()

    async def log_out(self) -> None:
        """End the session here and on the server."""
        with suppress(SessionEndedError):  # it had ended already, as intended
            async with self._current() as (api, session):
                await api.end_session(session)
        await save_profile(self._archive, replace(await load_profile(self._archive), session=None))

    async def sessions(self) -> Sequence[SessionInfo]:
        """List the account's sessions."""
        async with self._current() as (api, session):
            return await api.sessions(session)

    async def end_session(self, which: SessionId) -> None:
        """End one of the other sessions."""
        async with self._current() as (api, session):
            await api.end_session(session, which)

    async def change_password(self, old: Secret, new: Secret) -> None:
        """Change the password; every other session ends."""
        async with self._current() as (api, session):
            await api.change_password(session, PasswordChange(old=old, new=new))

    @asynccontextmanager
    async def _current(self) -> AsyncIterator[tuple[Api, Secret]]:
        """Return the account's profile. If it is logged out, the error names the command to log in."""
        profile = await load_profile(self._archive)
        if profile.session is None:
            raise LoggedOutError.of(profile.server, profile.user)
        try:
            yield Api(Verifier(profile.address, profile.trust)), profile.session
        except SessionEndedError as error:
            raise SessionEndedError.of(profile.server, profile.user) from error

    async def _fits(self, address: ServerAddress, user: UserName) -> Profile | None:
        """Return the saved profile; refuse another account: two histories are not mixed in one archive."""
        try:
            known = await load_profile(self._archive)
        except NoAccountError:
            return None
        if (known.server, known.user) != (address.authority, user):
            raise SetupError(
                f"This home belongs to {known.user} on {known.server}.",
                "For another account, choose another folder with --home DIR.",
            )
        return known
