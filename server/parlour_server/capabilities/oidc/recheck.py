"""Asks the provider again and again about everyone who is logged in: who is disabled there is logged out.

Each refresh token works once, so one server of several asks about an account. While the provider does not
answer sessions go on, but no longer than `oidc.unchecked_minutes`.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.oidc.admission import admit
from parlour_server.capabilities.oidc.audit_events import OidcEvent
from parlour_server.capabilities.oidc.fetch import ProviderError
from parlour_server.capabilities.oidc.id_token import IdTokenError
from parlour_server.capabilities.oidc.provider import GrantError, Provider, Tokens
from parlour_server.capabilities.oidc.sealing import Sealer
from parlour_server.capabilities.oidc.settings import OidcSettings
from parlour_server.capabilities.oidc.store import Linked, OidcStore
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError, UnavailableError
from parlour_server.core.output import warn

LOOK_SECONDS: Final = 15.0
_AT_ONCE: Final = 16
_AGAIN_SECONDS: Final = 60


@dataclass(slots=True)
class Recheck:
    """Checks company accounts while a server runs."""

    store: OidcStore
    provider: Provider
    sealer: Sealer
    settings: OidcSettings
    clock: Clock
    audit: Audit
    is_failing: bool = False

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await self.clock.sleep(LOOK_SECONDS)
            try:
                while await self.check():
                    pass
            except UnavailableError:
                continue  # the store, which says so itself: the next look is soon

    async def check(self) -> bool:
        """Check accounts that are due; returns whether there may be more."""
        due = await self.store.to_check(_AT_ONCE)
        await asyncio.gather(*(self._check(account) for account in due))
        return len(due) == _AT_ONCE

    async def _check(self, account: Linked) -> None:
        if await self.store.claim_check(account, Millis(self.clock.now() + _AGAIN_SECONDS * 1_000)):
            why = await self._ask(account)
            if why:
                ended = await self.store.end(account)
                self.audit.record(
                    OidcEvent.COMPANY_SESSIONS_ENDED, user=account.user, sessions=ended, why=why
                )

    async def _ask(self, account: Linked) -> str:
        """Ask the provider about an account; return why its sessions must end, or nothing."""
        token = self.sealer.open(account.refresh or b"", account.identity.place)
        if token is None or account.identity.issuer != self.settings.issuer:
            return "the provider, or this server's key, is another one now"
        try:
            tokens = await self.provider.refresh(token.decode())
            self._refuse(account, tokens)
        except GrantError as error:
            if str(error) == "invalid_grant":
                return "ended by the provider"
            return self._unanswered(account, "it refuses this server: is its client still valid?")
        except (IdTokenError, RefusedError):
            return "may not log in any more"
        except ProviderError as error:
            return self._unanswered(account, str(error))
        self.is_failing = False
        sealed = self.sealer.seal((tokens.refresh or "").encode(), account.identity.place)
        due = Millis(self.clock.now() + self.settings.check_minutes * 60_000)
        await self.store.checked(account, sealed, due)
        return ""

    def _refuse(self, account: Linked, tokens: Tokens) -> None:
        """Raise RefusedError or IdTokenError if what came with the refresh does not let the person in."""
        if tokens.claims is None:
            return
        if tokens.claims["sub"] != account.identity.subject:
            raise IdTokenError("it is of another subject")
        admit(tokens.claims, self.settings)

    def _unanswered(self, account: Linked, why: str) -> str:
        if not self.is_failing:
            warn("provider_unreachable", why=why, do="look at the section oidc, and at the provider")
        self.is_failing = True
        is_late = self.clock.now() - account.checked >= self.settings.unchecked_minutes * 60_000
        return "not checked for oidc.unchecked_minutes" if is_late else ""
