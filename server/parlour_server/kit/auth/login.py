"""Login: exchanges a user name and a password for a new session.

An unknown user, a wrong password and a disabled account are indistinguishable from outside, in text and in
timing (P4: user enumeration). A login always creates a new session and ends the one whose token came with it
(K6: fixation).
"""

import unicodedata
from typing import Final

from parlour_protocol.kit.names import DeviceName, NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.auth.login_throttle import LoginThrottle
from parlour_server.kit.auth.password_hashing import HashingPool
from parlour_server.kit.auth.sessions import Sessions
from parlour_server.kit.errors import LoginRefusedError, SessionRefusedError, TooManyAttemptsError
from parlour_server.kit.store.interface import Accounts
from parlour_server.kit.store.records import Account, SessionRecord

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
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._audit = audit

    async def log_in(
        self, username: str, password: Secret, device: DeviceName, *, address: str, presented: Secret | None
    ) -> tuple[SessionRecord, Secret]:
        """Return a new session and its token; ``presented`` is a token that came with the request.

        Raises LoginRefusedError, TooManyAttemptsError, UnavailableError.
        """
        user = _user_of(username)
        name = str(user) if user else unicodedata.normalize("NFKC", username[:_LONGEST_NAME]).casefold()
        try:
            async with self._throttle.attempt(name, address):
                account = await self._verified(user, password, address)
        except LoginRefusedError:
            # Not the name as typed: sooner or later someone types a password into that field (K7).
            self._audit.record(AuditEvent.LOGIN_FAILED, user=user, address=address)
            raise
        except TooManyAttemptsError as wait:
            self._audit.record(
                AuditEvent.LOGIN_THROTTLED, user=user, address=address, seconds=wait.retry_after
            )
            raise
        await self._end_presented(presented)
        record, token = await self._sessions.begin(account.user, device)
        self._audit.record(AuditEvent.LOGIN_OK, user=account.user, address=address, session=record.id)
        return record, token

    async def _verified(self, user: UserName | None, password: Secret, address: str) -> Account:
        account = await self._accounts.find(user) if user else None
        # Always verify one hash; without an account it is one that no password matches.
        hashed = account.password_hash if account else None
        rehashed = await self._passwords.verify(hashed, password, address=address)
        if account is None or account.disabled:
            raise LoginRefusedError
        if rehashed:
            await self._accounts.set_password(account.user, rehashed)
        return account

    async def _end_presented(self, presented: Secret | None) -> None:
        if presented is None:
            return
        try:
            old = await self._sessions.authenticate(presented)
        except SessionRefusedError:
            return
        await self._sessions.end(old, old.id, why="logged in again")


def _user_of(username: str) -> UserName | None:
    """Return the name, or None if it is not a valid one."""
    if len(username) > _LONGEST_NAME:
        return None
    try:
        return parse_user_name(username)
    except NameRefusedError:
        return None
