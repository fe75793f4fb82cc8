"""Login: exchanges a user name and a password for a new session.

An unknown user, a wrong password and a disabled account are indistinguishable from outside, in text and in
timing (P4: user enumeration). Where a capability asks for more than the password, an account that needs it
gets no session for its password, but what is asked; ``finish`` begins the session when that is proved. Until
then the account's failures are not cleared. Without such a capability the account gets no session at all
(``needs_proof``). A login always creates a new session and ends the one whose token came with it (K6:
fixation).
"""

import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from parlour_protocol.kit.names import DeviceName, NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.after_password import AfterPassword
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_check import verified_account
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByLogin
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.errors import (
    LoginRefusedError,
    ProofNeededError,
    ProofRefusedError,
    SessionRefusedError,
    TooManyAttemptsError,
)
from parlour_server.core.store.records import SessionRecord

_LONGEST_NAME: Final = 128  # code points; nothing longer is a name, and normalising costs time


class LoginService:
    """Logs people in."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        passwords: HashingPool,
        throttle: LoginThrottle,
        audit: Audit,
        after_password: AfterPassword | None = None,
    ) -> None:
        """``after_password``: what asks for more than the password, if anything does."""
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._audit = audit
        self._after_password = after_password

    async def log_in(
        self,
        username: str,
        password: Secret,
        device: DeviceName,
        *,
        address: str,
        presented: Secret | None,
        key: bytes | None = None,
    ) -> tuple[SessionRecord, Secret] | Payload:
        """Return a new session and its token, or what is asked of an account that needs more.

        The session is bound to ``key``; ``presented`` is a token that came with the request. Raises
        SessionKeyError, LoginRefusedError, ProofNeededError, TooManyAttemptsError, UnavailableError.
        """
        self._sessions.check_key(key)
        user = _user_of(username)
        name = str(user) if user else unicodedata.normalize("NFKC", username[:_LONGEST_NAME]).casefold()
        async with self._audited(user, address), self._throttle.attempt(name, address) as attempt:
            account = await verified_account(self._accounts, self._passwords, user, password, address=address)
            if self._after_password is not None:
                asked = await self._after_password.ask(account, device, address=address)
                if asked is not None:
                    attempt.is_complete = False
                    return asked
            elif account.needs_proof:
                raise ProofNeededError
            by = ByLogin(account.user, account.password_hash)
            return await self._begin(by, device, address, presented, key)

    async def finish(
        self,
        user: UserName | None,
        prove: Callable[[], Awaitable[tuple[ByLogin, DeviceName]]],
        *,
        unknown: str,
        address: str,
        presented: Secret | None,
        key: bytes | None,
    ) -> tuple[SessionRecord, Secret]:
        """Return a new session and its token for what ``prove`` finds right, as an attempt of ``user``.

        ``unknown`` is what an attempt of nobody is counted by: a name that no account has. Raises
        SessionKeyError, TooManyAttemptsError, UnavailableError, and what ``prove`` does: ProofRefusedError,
        which the capability records.
        """
        self._sessions.check_key(key)
        name = str(user) if user else unknown
        async with self._audited(user, address), self._throttle.attempt(name, address):
            by, device = await prove()
            return await self._begin(by, device, address, presented, key)

    @asynccontextmanager
    async def _audited(self, user: UserName | None, address: str) -> AsyncIterator[None]:
        """Record why a step of a login is refused."""
        try:
            yield
        except ProofRefusedError:
            raise
        except ProofNeededError:
            self._audit.record(AuditEvent.LOGIN_FAILED, user=user, address=address, why="needs more")
            raise
        except LoginRefusedError:
            # Not the name as typed: sooner or later someone types a password into that field (K7).
            self._audit.record(AuditEvent.LOGIN_FAILED, user=user, address=address)
            raise
        except TooManyAttemptsError as wait:
            self._audit.record(
                AuditEvent.LOGIN_THROTTLED, user=user, address=address, seconds=wait.retry_after
            )
            raise

    async def _begin(
        self,
        by: ByLogin,
        device: DeviceName,
        address: str,
        presented: Secret | None,
        key: bytes | None,
    ) -> tuple[SessionRecord, Secret]:
        old = await self._presented(presented)
        record, token = await self._sessions.begin(by, device, key, instead_of=old)
        factor = None if by.proof is None else by.proof.kind
        self._audit.record(
            AuditEvent.LOGIN_OK,
            user=by.user,
            address=address,
            session=record.id,
            factor="elsewhere" if by.proved_elsewhere else factor,
            keyed=key is not None,
        )
        return record, token

    async def _presented(self, presented: Secret | None) -> SessionRecord | None:
        """Return the live session whose token came with a login."""
        if presented is None:
            return None
        try:
            return await self._sessions.authenticate(presented, may_be_enrolling=True)
        except SessionRefusedError:
            return None


def _user_of(username: str) -> UserName | None:
    """Return the name, or None if it is not a valid one."""
    if len(username) > _LONGEST_NAME:
        return None
    try:
        return parse_user_name(username)
    except NameRefusedError:
        return None
