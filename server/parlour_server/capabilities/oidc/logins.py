"""Company logins from the beginning to the session: what is shown, what is asked, and who someone is.

A login is 256 random bits that only the client that began it has, stored as their digest, and bound to the
session's key: who polls with another one learns nothing. It lasts ten minutes at most, by the server's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import DeviceName, NameRefusedError, UserName
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.capabilities.oidc.admission import admit, name_of, refuse
from parlour_server.capabilities.oidc.audit_events import OidcEvent
from parlour_server.capabilities.oidc.bodies import CompanyCode
from parlour_server.capabilities.oidc.fetch import ProviderError
from parlour_server.capabilities.oidc.id_token import IdTokenError
from parlour_server.capabilities.oidc.provider import Grant, GrantError, Provider, Tokens
from parlour_server.capabilities.oidc.sealing import Sealer
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.capabilities.oidc.store import Identity, OidcStore, PendingLogin
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByLogin
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.errors import NameTakenError, RefusedError
from parlour_server.core.output import warn
from parlour_server.core.store.records import SessionRecord

_SLOW_DOWN: Final = 5


@dataclass(frozen=True, slots=True)
class CompanyLogins:
    """Begins and finishes company logins."""

    store: OidcStore
    accounts: Accounts
    provider: Provider
    sealer: Sealer
    settings: OidcSettings
    clock: Clock
    """That of the store."""
    audit: Audit

    async def begin(self, device: DeviceName, key: bytes | None, *, address: str) -> CompanyCode:
        """Return what to show the person. Raises RefusedError, TooManyAttemptsError, UnavailableError."""
        source = rate_limit_key(address)
        await self.store.refuse_more(source)
        try:
            begun, grant = await self.provider.begin()
        except ProviderError as error:
            raise _unavailable(error) from None
        login, now = Secret.random(), self.clock.now()
        digest = login.digest()
        sealed = self.sealer.seal(msgspec.json.encode(grant), digest)
        expires = Millis(now + begun.seconds * 1_000)
        await self.store.begin(digest, PendingLogin(sealed, device, key, source, now, begun.wait, expires))
        return CompanyCode(
            login,
            begun.user_code,
            begun.verification_uri,
            begun.seconds,
            begun.wait,
            begun.verification_uri_complete or "",
        )

    async def poll(
        self,
        logins: LoginService,
        registration: Registration,
        login: Secret,
        key: bytes | None,
        *,
        address: str,
        presented: Secret | None,
    ) -> tuple[SessionRecord, Secret] | int:
        """Return a new session and its token, or in how many seconds to ask again.

        Raises RefusedError, SessionKeyError, TooManyAttemptsError, UnavailableError.
        """
        digest = login.digest()
        found = await self.store.claim(digest)
        if found is None or found[0].key != key:
            raise RefusedError(ErrorCode.NOT_FOUND, "this login is unknown, finished or too old; begin again")
        pending, is_turn = found
        if not is_turn:
            return pending.wait
        try:
            tokens = await self.provider.tokens(self._grant(pending, digest), pending.began)
        except GrantError as error:
            return await self._not_yet(digest, pending, str(error), address)
        except ProviderError as error:
            await self.store.wait(digest, pending.wait)
            raise _unavailable(error) from None
        except IdTokenError as error:
            await self.store.take(digest)
            warn("company_login_failed", why=str(error), do="look at the section oidc, and at the provider")
            self._refused(address, f"ID token: {error}")
            raise refuse("your company's answer was not valid here; ask the operator") from None
        if not await self.store.take(digest):
            raise RefusedError(ErrorCode.NOT_FOUND, "this login was finished already; begin again")

        async def prove() -> tuple[ByLogin, DeviceName]:
            return await self._proved(registration, tokens, address), pending.device

        return await logins.finish(
            None, prove, unknown=digest.hex(), address=address, presented=presented, key=key
        )

    def _grant(self, pending: PendingLogin, digest: bytes) -> Grant:
        opened = self.sealer.open(pending.sealed, digest)
        if opened is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "this login is unknown, finished or too old; begin again")
        return msgspec.json.decode(opened, type=Grant)

    async def _not_yet(self, digest: bytes, pending: PendingLogin, code: str, address: str) -> int:
        """Return in how many seconds to ask again. Raises RefusedError if the login is over."""
        if code in {"authorization_pending", "slow_down"}:
            seconds = pending.wait + (_SLOW_DOWN if code == "slow_down" else 0)
            await self.store.wait(digest, seconds)
            return seconds
        await self.store.take(digest)
        self._refused(address, f"provider: {code}")
        if code == "access_denied":
            raise refuse("the login was refused in the browser")
        if code == "expired_token":
            raise refuse("the code has expired; begin again")
        raise refuse("your company refused the login; ask the operator")

    async def _proved(self, registration: Registration, tokens: Tokens, address: str) -> ByLogin:
        """Return whose login it is; makes the account of someone new. Raises RefusedError."""
        claims: Mapping[str, Any] = tokens.claims or {}
        identity = Identity(self.settings.issuer, str(claims["sub"]))
        try:
            admit(claims, self.settings)
            if tokens.refresh is None:
                warn("company_login_failed", why="no refresh token", do="allow the client offline_access")
                raise refuse("your company's answer lacks what this server needs; ask the operator")
            user = await self.store.account_of(identity) or await self._make(
                registration, identity, claims, address
            )
            account = await self.accounts.find(user)
            if account is None or account.disabled:
                raise refuse("this account is disabled here")
            if account.needs_proof and not self.settings.is_strong:
                raise refuse("your account has a second factor here, for which a company login does not ask")
            refresh = self.sealer.seal(tokens.refresh.encode(), identity.place)
            if not await self.store.log_in(identity, refresh, self._due(), tokens.id_token):
                raise refuse("your company's answer was used before; begin again")
        except RefusedError as error:
            self._refused(address, error.hint, identity.subject)
            raise
        return ByLogin(user, account.password_hash, proved_elsewhere=self.settings.is_strong)

    async def _make(
        self, registration: Registration, identity: Identity, claims: Mapping[str, Any], address: str
    ) -> UserName:
        """Make an account with a password that no one knows. Raises RefusedError."""
        user = name_of(claims, self.settings)
        link = self.store.linking(user, identity)
        try:
            await registration.make(user, Secret.random(), invite=None, address=address, with_it=link)
        except (NameTakenError, NameRefusedError):
            raise refuse(
                "the name of your company account, or one that looks like it, is taken here; if that account"
                " is yours, ask the operator to link it"
            ) from None
        self.audit.record(
            OidcEvent.COMPANY_ACCOUNT_LINKED, user=user, address=address, subject=identity.subject
        )
        return user

    def _due(self) -> Millis:
        return Millis(self.clock.now() + self.settings.check_minutes * 60_000)

    def _refused(self, address: str, why: str, subject: str | None = None) -> None:
        self.audit.record(OidcEvent.COMPANY_LOGIN_REFUSED, address=address, why=why, subject=subject)


def _unavailable(error: ProviderError) -> RefusedError:
    warn("provider_unreachable", why=str(error), do="look at the section oidc, and at the provider")
    return RefusedError(
        ErrorCode.UNAVAILABLE, "your company's login can't be reached right now; try again later"
    )
