"""Joining, logging in, logging out, sessions and the password of the account of one home.

The server is verified before a credential is sent; the password is never stored. A second factor is asked for
by the ``FactorDialog`` of the front end. A home has one
account: logging in as someone else, or elsewhere, is refused rather than mixing two accounts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress

from msgspec.structs import replace

from parlour_client.kit.account.profile import Account, Profile, ProfileStore, trust_fields
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog, Factors, log_in
from parlour_client.kit.account.security_key import SecurityKeys
from parlour_client.kit.errors import (
    ApiRefusedError,
    LoggedOutError,
    LoginRefusedError,
    NoAccountError,
    SecondFactorRefusedError,
    SessionEndedError,
    SetupError,
)
from parlour_client.kit.language import _
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import SessionKeyPair
from parlour_client.kit.transport.trust import Pin, SystemRoots, Trust, Verifier
from parlour_protocol.kit.api import Login, NewAccount, SessionCreated, SessionInfo
from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.invite_link import InviteLink, LoginLink, ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey


@contextmanager
def if_taken(user: UserName, *, taken: bool) -> Iterator[None]:
    """If the name is taken, a refused login says what that means for someone who wants to join."""
    try:
        yield
    except SecondFactorRefusedError:  # the password was right: it is theirs
        raise
    except LoginRefusedError as error:
        if not taken:
            raise
        raise SetupError(
            _("The name {user} is taken.").format(user=user),
            _("If it is yours, check the password; otherwise choose another name."),
        ) from error


@contextmanager
def of_known_account() -> Iterator[None]:
    """Name the other reasons why an account of this device may be refused: the server never says which."""
    try:
        yield
    except SecondFactorRefusedError:  # the password was right
        raise
    except LoginRefusedError as error:
        raise LoginRefusedError(
            _("Wrong password, or the account was disabled or deleted."),
            error.code,
            hint=_("If the password is right, ask the server's operator. What is on this device stays."),
        ) from error


async def _accepted(_profile: Profile) -> None:
    """Do nothing more."""


class SignIn:
    """The account that is saved in a store."""

    def __init__(
        self,
        store: ProfileStore,
        *,
        accepted: Callable[[Profile], Awaitable[None]] = _accepted,
        login_hint: Callable[[Account], str] = lambda _account: LoggedOutError.hint,
    ) -> None:
        """Await ``accepted`` after the server accepted a password, before the session is saved.

        ``login_hint`` says how to log in again.
        """
        self.store = store
        self._accepted = accepted
        self.login_hint = login_hint

    async def saved(self) -> Account | None:
        """Return the account that is logged in here, None if there is none."""
        try:
            profile = await self.store.load()
        except NoAccountError:
            return None
        return profile.account if profile.session is not None else None

    async def join(
        self,
        link: InviteLink,
        user: UserName,
        password: Secret,
        device: DeviceName,
        dialog: FactorDialog = NO_DIALOG,
    ) -> Account:
        """Create an account with an invite, and log in; an account that exists is only logged in."""
        made = await self.make_account(link, user, password)
        with if_taken(user, taken=made is None):
            return await self.log_in(link.address, trust_of(link), made or user, password, device, dialog)

    async def make_account(self, link: InviteLink, user: UserName, password: Secret) -> UserName | None:
        """Create an account with an invite; return its name as the server knows it, None if it is taken."""
        await self.fits(link.address, user)
        api = Api(Verifier(link.address, trust_of(link)))
        try:
            made = await api.make_account(NewAccount(invite=link.code, username=user, password=password))
        except ApiRefusedError as error:
            if error.code != ErrorCode.NAME_TAKEN:
                raise
            return None
        return made.user

    async def log_in(
        self,
        address: ServerAddress,
        trust: Trust | None,
        user: UserName,
        password: Secret,
        device: DeviceName,
        dialog: FactorDialog = NO_DIALOG,
    ) -> Account:
        """Log in and save the session. Without ``trust`` the server is verified as it was the last time."""
        known = await self.fits(address, user)
        if trust is None:
            trust = known.trust if known is not None else SystemRoots()
        fields = trust_fields(trust)
        profile = Profile(
            server=address.authority, user=user, device=device, session=None, key=None, **fields
        )
        with of_known_account() if known is not None else nullcontext():
            return (await self._open_session(profile, password, dialog)).account

    async def log_in_by(
        self,
        begin: Callable[[Api, SessionKey], Awaitable[SessionCreated]],
        address: ServerAddress,
        trust: Trust | None,
        device: DeviceName,
    ) -> Account:
        """Log in by another means than a password, and save the session that ``begin`` returns.

        The server says whose it is. If this home belongs to someone else, it ends: raises SetupError.
        """
        known = await self.fits(address, None)
        if trust is None:
            trust = known.trust if known is not None else SystemRoots()
        api = Api(Verifier(address, trust))
        key, seed = SessionKeyPair.generate()
        made = await begin(api, key.public)
        try:
            await self.fits(address, made.user)
        except SetupError:
            await api.end_session(made.session)
            raise
        fields = trust_fields(trust)
        profile = Profile(
            server=address.authority, user=made.user, device=device, session=None, key=None, **fields
        )
        return (await self._save(profile, made, seed)).account

    async def log_in_again(self, password: Secret, dialog: FactorDialog = NO_DIALOG) -> Profile:
        """Open another session for the account of this home, from the same device, and save it."""
        with of_known_account():
            return await self._open_session(await self.store.load(), password, dialog)

    async def log_out(self) -> None:
        """End the session here and on the server."""
        with suppress(SessionEndedError):  # it had ended already, as intended
            async with self._current() as (api, session):
                await api.end_session(session)
        await self.store.save(replace(await self.store.load(), session=None, key=None))

    async def sessions(self) -> Sequence[SessionInfo]:
        """List the account's sessions."""
        async with self._current() as (api, session):
            return await api.sessions(session)

    async def end_session(self, which: SessionId) -> None:
        """End one of the other sessions."""
        async with self._current() as (api, session):
            await api.end_session(session, which)

    async def change_password(self, old: Secret, new: Secret, dialog: FactorDialog = NO_DIALOG) -> None:
        """Change the password; every other session ends."""
        async with self.factors(dialog) as factors:
            await factors.change_password(old, new)

    @asynccontextmanager
    async def factors(self, dialog: FactorDialog, keys: SecurityKeys | None = None) -> AsyncIterator[Factors]:
        """Return the second factors of the account, for as long as the context lasts."""
        address = (await self.store.load()).address
        async with self._current() as (api, session):
            yield Factors(api, session, address, dialog, keys)

    async def fits(self, address: ServerAddress, user: UserName | None) -> Profile | None:
        """Return the saved profile, if any; refuse another account. Raises SetupError.

        ``user`` is None if the name is not known yet.
        """
        try:
            known = await self.store.load()
        except NoAccountError:
            return None
        if (known.server, known.user) != (address.authority, user or known.user):
            raise SetupError(
                _("This home belongs to {user} on {server}.").format(user=known.user, server=known.server),
                _("For another account, choose another folder with --home DIR."),
            )
        return known

    async def _open_session(self, profile: Profile, password: Secret, dialog: FactorDialog) -> Profile:
        key, seed = SessionKeyPair.generate()
        login = Login(username=profile.user, password=password, device=profile.device, key=key.public)
        api = Api(Verifier(profile.address, profile.trust))
        made = await log_in(api, login, profile.address, dialog)
        if made.user != profile.user:
            raise SetupError(
                _("The server answered for a different account."), _("Ask the server's operator.")
            )
        return await self._save(profile, made, seed)

    async def _save(self, profile: Profile, made: SessionCreated, seed: Secret) -> Profile:
        await self._accepted(profile)
        profile = replace(profile, session=made.session, key=seed)
        await self.store.save(profile)
        return profile

    @asynccontextmanager
    async def _current(self) -> AsyncIterator[tuple[Api, Secret]]:
        profile = await self.store.load()
        if profile.session is None:
            raise LoggedOutError(_("You are logged out."), self.login_hint(profile.account))
        try:
            yield Api(Verifier(profile.address, profile.trust)), profile.session
        except SessionEndedError as error:
            raise SessionEndedError(_("The session has ended."), self.login_hint(profile.account)) from error


def pinned(link: LoginLink | None) -> Trust | None:
    """Return how a link to log in says to verify the server; None: as before, or by the system's roots."""
    return Pin(link.pin) if link is not None and link.pin is not None else None


def trust_of(link: InviteLink) -> Trust:
    """Return how the server of an invite link is verified."""
    return Pin(link.pin) if link.pin is not None else SystemRoots()
