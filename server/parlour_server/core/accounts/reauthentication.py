"""Asks someone who is logged in who they are, before an action that could take the account over.

The password is not enough for an account that needs more, nor is a session, nor what else is proved: it needs
all of them, each time (OWASP ASVS 7.5.1). Attempts are throttled like logins. What was proved allows one
change, whose transaction looks again and uses the proof up (``authority.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.after_password import AfterPassword
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_check import verified_account
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.authority import ByProof
from parlour_server.core.errors import ProofNeededError
from parlour_server.core.store.records import SessionRecord


class Reauthentication:
    """Checks the password, and what the account needs besides."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: HashingPool,
        throttle: LoginThrottle,
        after_password: AfterPassword | None = None,
    ) -> None:
        """``after_password``: what asks for more than the password, if anything does."""
        self._accounts = accounts
        self._passwords = passwords
        self._throttle = throttle
        self._after_password = after_password

    @asynccontextmanager
    async def confirmed(
        self,
        session: SessionRecord,
        password: Secret,
        proof: Payload | None,
        *,
        address: str,
        while_enrolling: bool = False,
    ) -> AsyncIterator[ByProof]:
        """Run a block that makes one change, if the person of this session proves who they are.

        Raises ProofNeededError before anything is checked; LoginRefusedError, TooManyAttemptsError,
        UnavailableError. A LoginRefusedError of the block, whose change finds that the proof does not hold
        any more, counts like a wrong password.
        """
        found = await self._accounts.find(session.user)
        needs_proof = found is not None and found.needs_proof
        if needs_proof and (proof is None or self._after_password is None):
            raise ProofNeededError
        async with self._throttle.attempt(session.user, address):
            account = await verified_account(
                self._accounts, self._passwords, session.user, password, address=address
            )
            by = ByProof(
                session.user, session.id, account.password_hash, None, while_enrolling=while_enrolling
            )
            if not needs_proof or proof is None or self._after_password is None:
                yield by
                return
            async with self._after_password.proved(session, proof, address=address) as proved:
                yield replace(by, proof=proved)
