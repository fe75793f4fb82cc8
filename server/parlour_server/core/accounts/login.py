"""Login: exchanges a user name and a password for a new session.

An unknown user, a wrong password and a disabled account are indistinguishable from outside, in text and in
timing (P4: user enumeration). An account with a second factor gets no session for its password, but a
challenge; the session begins when a factor has answered it. Until then the account's failures are not
cleared. A login always creates a new session and ends the one whose token came with it (K6: fixation).
"""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from parlour_protocol.kit.names import DeviceName, NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.second_factor import FactorChallenge, FactorKind, LoginProof
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_check import verified_account
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.second_factor.factors import SecondFactors
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByLogin
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.errors import (
    LoginRefusedError,
    SecondFactorRefusedError,
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
        factors: SecondFactors,
        throttle: LoginThrottle,
        audit: Audit,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._factors = factors
        self._throttle = throttle
        self._audit = audit

    async def log_in(
        self,
        username: str,
        password: Secret,
        device: DeviceName,
        *,
        address: str,
        presented: Secret | None,
        key: bytes | None = None,
    ) -> tuple[SessionRecord, Secret] | FactorChallenge:
        """Return a new session and its token, or the challenge of an account with a second factor.

        The session is bound to ``key``; ``presented`` is a token that came with the request. Raises
        SessionKeyError, LoginRefusedError, TooManyAttemptsError, UnavailableError.
        """
        self._sessions.check_key(key)
        user = _user_of(username)
        name = str(user) if user else unicodedata.normalize("NFKC", username[:_LONGEST_NAME]).casefold()
        async with self._audited(user, address), self._throttle.attempt(name, address) as attempt:
            account = await verified_account(self._accounts, self._passwords, user, password, address=address)
            challenge = await self._factors.challenge_login(account, device, address=address)
            if challenge is not None:
                attempt.is_complete = False
                self._audit.record(AuditEvent.SECOND_FACTOR_ASKED, user=account.user, address=address)
                return challenge
            by = ByLogin(account.user, account.password_hash)
            return await self._begin(by, device, address, presented, key)

    async def finish(
        self, proof: LoginProof, *, address: str, presented: Secret | None
    ) -> tuple[SessionRecord, Secret]:
        """Return a new session and its token for the answer to a challenge of ``log_in``.

        Raises SessionKeyError, SecondFactorRefusedError, TooManyAttemptsError, UnavailableError.
        """
        self._sessions.check_key(proof.key)
        pending = await self._factors.pending(proof)
        user = pending.user if pending else None
        # Without an account only the address counts: no one can know another's challenge.
        name = str(user) if user else proof.challenge.digest().hex()
        async with self._audited(user, address), self._throttle.attempt(name, address):
            challenge, answer = await self._factors.answered(proof)
            if challenge.password_hash is None:
                raise SecondFactorRefusedError
            by = ByLogin(challenge.user, challenge.password_hash, answer)
            return await self._begin(by, challenge.device, address, presented, proof.key)

    @asynccontextmanager
    async def _audited(self, user: UserName | None, address: str) -> AsyncIterator[None]:
        """Record why a step of a login is refused."""
        try:
            yield
        except SecondFactorRefusedError:
            self._audit.record(AuditEvent.SECOND_FACTOR_FAILED, user=user, address=address)
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
        kind = by.answer.kind if by.answer else None
        if kind is FactorKind.RECOVERY_CODE:
            self._audit.record(AuditEvent.RECOVERY_CODE_USED, user=by.user, address=address)
        self._audit.record(
            AuditEvent.LOGIN_OK,
            user=by.user,
            address=address,
            session=record.id,
            factor=kind and kind.value,
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
