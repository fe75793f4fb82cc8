"""Challenges, and the proofs that answer them: at a login after the password, and before other actions.

A challenge is 256 random bits, stored as its digest for five minutes, for one login or one session. A proof
uses it up, right or wrong; a right answer is used up by the change that it allows, in its transaction. All
refusals are one error. Wrong answers count like wrong passwords, in the throttle of the caller.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.second_factor import (
    CredentialId,
    FactorAnswer,
    FactorChallenge,
    FactorKind,
    FactorProof,
    KeyAssertion,
    LoginProof,
    RecoveryCode,
    TotpCode,
)
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.capabilities.second_factors import recovery_codes, security_keys, totp
from parlour_server.capabilities.second_factors.audit_events import FactorEvent
from parlour_server.capabilities.second_factors.records import AccountFactors, Challenge, FactorRecord
from parlour_server.capabilities.second_factors.right_answer import RightAnswer
from parlour_server.capabilities.second_factors.security_keys import SecurityKeys, credential_id
from parlour_server.capabilities.second_factors.settings import FactorSettings
from parlour_server.capabilities.second_factors.store import FactorStore
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.tables.authority import ByLogin, ByPassword, BySession
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.errors import ProofRefusedError
from parlour_server.core.store.records import Account, SessionRecord

CHALLENGE_SECONDS: Final = 300


@dataclass(slots=True)
class SecondFactors:
    """The second factors of all accounts: what is asked after the password (``AfterPassword``)."""

    store: FactorStore
    keys: SecurityKeys
    clock: Clock
    """The time of day, for TOTP."""
    steady: Clock
    """The clock of the store, for what expires."""
    audit: Audit
    settings: FactorSettings
    """The settings in force."""

    @property
    def is_required(self) -> bool:
        """Whether everyone must have a factor."""
        return self.settings.second_factor == "required"

    async def ask(self, account: Account, device: DeviceName, *, address: str) -> FactorChallenge | None:
        """Return the challenge of a login after its password; None for an account without a factor.

        Raises LoginRefusedError if the account has another password by now.
        """
        found = await self.store.of(account.user)
        if not found.factors:
            return None
        by = ByPassword(account.user, account.password_hash)
        challenge = await self._challenge(found, by, device, None, rate_limit_key(address))
        self.audit.record(FactorEvent.SECOND_FACTOR_ASKED, user=account.user, address=address)
        return challenge

    async def finish(
        self, logins: LoginService, proof: LoginProof, *, address: str, presented: Secret | None
    ) -> tuple[SessionRecord, Secret]:
        """Return a new session and its token for the answer to a challenge of ``ask``.

        Raises SessionKeyError, ProofRefusedError, TooManyAttemptsError, UnavailableError.
        """
        pending = await self.store.find_challenge(proof.challenge.digest())
        user = pending.user if pending else None
        try:
            record, token = await logins.finish(
                user,
                lambda: self._login_proved(proof),
                unknown=proof.challenge.digest().hex(),  # no one can know another's challenge
                address=address,
                presented=presented,
                key=proof.key,
            )
        except ProofRefusedError:
            self.audit.record(FactorEvent.SECOND_FACTOR_FAILED, user=user, address=address)
            raise
        if isinstance(proof.answer, RecoveryCode):
            self.audit.record(FactorEvent.RECOVERY_CODE_USED, user=record.user, address=address)
        return record, token

    async def _login_proved(self, proof: LoginProof) -> tuple[ByLogin, DeviceName]:
        challenge, answer = await self._answered(proof)
        if challenge.password_hash is None:
            raise ProofRefusedError
        return ByLogin(challenge.user, challenge.password_hash, answer), challenge.device

    @asynccontextmanager
    async def proved(
        self, session: SessionRecord, proof: Payload, *, address: str
    ) -> AsyncIterator[RightAnswer]:
        """Run a block that makes one change, for which this session answered a challenge of its own.

        Raises ProofRefusedError.
        """
        who = {"user": session.user, "session": session.id, "address": address}
        try:
            if not isinstance(proof, FactorProof):
                raise ProofRefusedError
            _, answer = await self._answered(proof, session)
            yield answer
        except ProofRefusedError:
            self.audit.record(FactorEvent.SECOND_FACTOR_FAILED, **who)
            raise
        if answer.kind is FactorKind.RECOVERY_CODE:
            self.audit.record(FactorEvent.RECOVERY_CODE_USED, **who)

    async def challenge_session(self, session: SessionRecord) -> FactorChallenge:
        """Return a challenge for an action of this session. It has no ``kinds`` if there is no factor."""
        found = await self.store.of(session.user)
        by = BySession(session.user, session.id)
        return await self._challenge(found, by, session.device, session.id, session.id)

    async def _answered(
        self, proof: FactorProof, session: SessionRecord | None = None
    ) -> tuple[Challenge, RightAnswer]:
        """Use up the challenge; return what it was for, and the answer if that is right.

        It must have been given to this ``session``; None: to a login. Raises ProofRefusedError.
        """
        challenge = await self.store.take_challenge(proof.challenge.digest())
        if challenge is None or challenge.session != (session.id if session else None):
            raise ProofRefusedError
        return challenge, await self._right(challenge.user, proof.challenge, proof.answer)

    async def _challenge(
        self,
        found: AccountFactors,
        by: BySession | ByPassword,
        device: DeviceName,
        session: SessionId | None,
        source: str,
    ) -> FactorChallenge:
        challenge = Secret.random()
        expires = Millis(self.steady.now() + CHALLENGE_SECONDS * 1000)
        await self.store.put_challenge(
            by, challenge.digest(), Challenge(by.user, device, session, source, expires)
        )
        keys = known_keys(found.factors) if security_keys.IS_AVAILABLE else ()
        return FactorChallenge(
            challenge, CHALLENGE_SECONDS, _kinds(found), keys, self.keys.name if keys else ""
        )

    async def _right(self, user: UserName, challenge: Secret, answer: FactorAnswer) -> RightAnswer:
        """Return an answer that was right when it came. Raises ProofRefusedError."""
        match answer:
            case TotpCode(code):
                return await self._right_code(user, code)
            case RecoveryCode(code):
                return RightAnswer(
                    FactorKind.RECOVERY_CODE, recovery_code=recovery_codes.digest_of(code)
                )  # which exist is looked up where it is used up
            case KeyAssertion():
                return await self._right_key(user, challenge, answer)

    async def _right_code(self, user: UserName, code: Secret) -> RightAnswer:
        now = self.clock.now()
        matching: list[tuple[FactorRecord, int]] = []
        for factor in _of_kind((await self.store.of(user)).factors, FactorKind.TOTP):
            step = totp.matching_step(Secret(factor.secret.decode()), code, now)
            if step is not None:
                matching.append((factor, step))
        if not matching:
            raise ProofRefusedError
        return RightAnswer(FactorKind.TOTP, tuple(matching))

    async def _right_key(self, user: UserName, challenge: Secret, answer: KeyAssertion) -> RightAnswer:
        if not security_keys.IS_AVAILABLE:
            raise ProofRefusedError
        for factor in _of_kind((await self.store.of(user)).factors, FactorKind.SECURITY_KEY):
            if credential_id(factor.secret) == answer.credential:
                use = self.keys.check(challenge, answer, factor.secret)
                return RightAnswer(FactorKind.SECURITY_KEY, ((factor, use.counter),))
        raise ProofRefusedError


def known_keys(factors: Sequence[FactorRecord]) -> tuple[CredentialId, ...]:
    """Return the credentials of the security keys among these factors."""
    return tuple(credential_id(factor.secret) for factor in _of_kind(factors, FactorKind.SECURITY_KEY))


def _of_kind(factors: Sequence[FactorRecord], kind: FactorKind) -> list[FactorRecord]:
    return [factor for factor in factors if factor.kind is kind]


def _kinds(found: AccountFactors) -> tuple[FactorKind, ...]:
    """Return how the account can answer here."""
    kinds = {factor.kind for factor in found.factors}
    if not security_keys.IS_AVAILABLE:
        kinds.discard(FactorKind.SECURITY_KEY)
    if found.recovery_codes:
        kinds.add(FactorKind.RECOVERY_CODE)
    return tuple(kind for kind in FactorKind if kind in kinds)
