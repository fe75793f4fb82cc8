"""Asks someone who is logged in who they are, before an action that could take the account over.

The password is not enough for an account with a second factor, nor is a session, nor the factor: it needs
both, each time (OWASP ASVS 7.5.1). Attempts are throttled like logins. What was proved allows one change,
whose transaction looks again and uses the factor's answer up (``authority.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour_protocol.kit.second_factor import FactorKind, FactorProof
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_check import verified_account
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.second_factor.factors import SecondFactors
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByProof
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.errors import SecondFactorNeededError, SecondFactorRefusedError
from parlour_server.core.store.records import SessionRecord


class Reauthentication:
    """Checks the password, and a second factor if the account has one."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: HashingPool,
        factors: SecondFactors,
        throttle: LoginThrottle,
        audit: Audit,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._factors = factors
        self._throttle = throttle
        self._audit = audit

    @asynccontextmanager
    async def confirmed(
        self,
        session: SessionRecord,
        password: Secret,
        proof: FactorProof | None,
        *,
        address: str,
        while_enrolling: bool = False,
    ) -> AsyncIterator[ByProof]:
        """Run a block that makes one change, if the person of this session proves who they are.

        Raises SecondFactorNeededError before anything is checked; LoginRefusedError, TooManyAttemptsError,
        UnavailableError. A LoginRefusedError of the block, whose change finds that the proof does not hold
        any more, counts like a wrong password.
        """
        needs_proof = await self._factors.has_any(session.user)
        if needs_proof and proof is None:
            raise SecondFactorNeededError
        try:
            async with self._throttle.attempt(session.user, address):
                account = await verified_account(
                    self._accounts, self._passwords, session.user, password, address=address
                )
                answer = None
                if proof is not None and needs_proof:
                    _, answer = await self._factors.answered(proof, session)
                yield ByProof(
                    session.user, session.id, account.password_hash, answer, while_enrolling=while_enrolling
                )
        except SecondFactorRefusedError:
            self._audit.record(
                AuditEvent.SECOND_FACTOR_FAILED, user=session.user, session=session.id, address=address
            )
            raise
        if answer is not None and answer.kind is FactorKind.RECOVERY_CODE:
            self._audit.record(
                AuditEvent.RECOVERY_CODE_USED, user=session.user, session=session.id, address=address
            )
