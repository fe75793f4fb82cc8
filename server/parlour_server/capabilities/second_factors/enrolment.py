"""Setting up second factors, removing them, and new recovery codes.

Each of these needs the password and an existing factor again (``Reauthentication``). A factor is active only
after it was used once in the session that began it, so that no one is locked out by an app that was not set
up. The first factor ends every other session: they began without it. Everything is audited, no secret is.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, random_id
from parlour_protocol.kit.second_factor import (
    FactorAdded,
    FactorId,
    FactorInfo,
    FactorKind,
    FactorList,
    FactorRemoval,
    NewRecoveryCodes,
    NewSecurityKey,
    NewTotp,
    RecoveryCodes,
    SecurityKeyCredential,
    SecurityKeyOptions,
    StepUp,
    TotpConfirmation,
    TotpSecret,
    UserHandle,
)
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors import recovery_codes, security_keys, totp
from parlour_server.capabilities.second_factors.audit_events import FactorEvent
from parlour_server.capabilities.second_factors.challenges import SecondFactors, known_keys
from parlour_server.capabilities.second_factors.records import FactorRecord, NewFactor
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.errors import ProofRefusedError, RefusedError
from parlour_server.core.store.records import SessionRecord

SETUP_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class FactorEnrolment:
    """Adds and removes the factors of people who are logged in."""

    factors: SecondFactors
    sessions: Sessions
    reauthentication: Reauthentication

    async def list(self, session: SessionRecord) -> FactorList:
        """Return the factors of the account."""
        found = await self.factors.store.of(session.user)
        required = self.factors.is_required or found.required
        return FactorList(
            tuple(_info(factor) for factor in found.factors),
            found.recovery_codes,
            required,
            self._addable(required=required),
        )

    async def begin_totp(self, session: SessionRecord, body: NewTotp, *, address: str) -> TotpSecret:
        """Return a new secret for an app. Raises RefusedError, and what ``Reauthentication`` raises."""
        secret = totp.new_secret()
        factor = await self._begin(
            session, FactorKind.TOTP, body, body.name, secret.reveal().encode(), address=address
        )
        uri = totp.setup_uri(secret, account=str(session.user), server=self.factors.keys.name)
        return TotpSecret(factor.id, secret, uri, SETUP_SECONDS)

    async def confirm_totp(
        self, session: SessionRecord, factor: FactorId, body: TotpConfirmation, *, address: str
    ) -> FactorAdded:
        """Activate an app by its first code. Raises ProofRefusedError for another one."""
        begun = await self._begun(session, factor, FactorKind.TOTP)
        step = totp.matching_step(Secret(begun.secret.decode()), body.code, self.factors.clock.now())
        if step is None:
            raise ProofRefusedError
        return await self._activate(session, begun, begun.secret, step, address=address)

    async def begin_key(
        self, session: SessionRecord, body: NewSecurityKey, *, address: str
    ) -> SecurityKeyOptions:
        """Return what a security key needs for a new credential. Raises as ``begin_totp``."""
        challenge = Secret.random()
        factor = await self._begin(
            session, FactorKind.SECURITY_KEY, body, body.name, challenge.reveal().encode(), address=address
        )
        known = known_keys((await self.factors.store.of(session.user)).factors)
        return SecurityKeyOptions(
            factor.id,
            challenge,
            self.factors.keys.name,
            UserHandle(Secret(str(session.user)).digest()),
            SETUP_SECONDS,
            known,
        )

    async def confirm_key(
        self, session: SessionRecord, factor: FactorId, body: SecurityKeyCredential, *, address: str
    ) -> FactorAdded:
        """Activate a security key by its new credential. Raises ProofRefusedError."""
        begun = await self._begun(session, factor, FactorKind.SECURITY_KEY)
        made = self.factors.keys.register(Secret(begun.secret.decode()), body)
        return await self._activate(session, begun, made.credential, made.counter, address=address)

    async def remove(
        self, session: SessionRecord, factor: FactorId, body: FactorRemoval, *, address: str
    ) -> None:
        """Remove a factor. Raises RefusedError, and what ``Reauthentication`` raises."""
        async with self.reauthentication.confirmed(session, body.password, body.proof, address=address) as by:
            if not await self.factors.store.remove(by, factor, keep_one=self.factors.is_required):
                raise RefusedError(ErrorCode.NOT_FOUND, "you have no such factor")
        self.factors.audit.record(
            FactorEvent.SECOND_FACTOR_REMOVED,
            user=session.user,
            factor=factor,
            session=session.id,
            address=address,
        )

    async def replace_recovery_codes(
        self, session: SessionRecord, body: NewRecoveryCodes, *, address: str
    ) -> RecoveryCodes:
        """Return new recovery codes; the old ones are void. Raises as ``remove``."""
        codes = recovery_codes.new_codes()
        async with self.reauthentication.confirmed(session, body.password, body.proof, address=address) as by:
            await self.factors.store.replace_recovery_codes(by, _digests(codes))
        self.factors.audit.record(
            FactorEvent.RECOVERY_CODES_REPLACED, user=session.user, session=session.id, address=address
        )
        return RecoveryCodes(codes)

    def _addable(self, *, required: bool) -> tuple[FactorKind, ...]:
        if self.factors.settings.second_factor == "off" and not required:
            return ()
        if security_keys.IS_AVAILABLE:
            return (FactorKind.TOTP, FactorKind.SECURITY_KEY)
        return (FactorKind.TOTP,)

    async def _begin(
        self,
        session: SessionRecord,
        kind: FactorKind,
        body: StepUp,
        name: str,
        secret: bytes,
        *,
        address: str,
    ) -> NewFactor:
        required = self.factors.is_required or session.proof_required
        if kind not in self._addable(required=required):
            raise RefusedError(ErrorCode.FORBIDDEN, "this server does not offer such a second factor")
        async with self.reauthentication.confirmed(
            session, body.password, body.proof, address=address, while_enrolling=True
        ) as by:
            now = self.factors.steady.now()
            factor = NewFactor(
                FactorId(random_id()),
                session.user,
                kind,
                name,
                secret,
                session.id,
                now,
                Millis(now + SETUP_SECONDS * 1000),
            )
            await self.factors.store.begin(by, factor)
        return factor

    async def _begun(self, session: SessionRecord, factor: FactorId, kind: FactorKind) -> FactorRecord:
        begun = await self.factors.store.begun(session.user, factor, session.id)
        if begun is None or begun.kind is not kind:
            raise RefusedError(ErrorCode.NOT_FOUND, "no such factor is being set up here; begin again")
        return begun

    async def _activate(
        self, session: SessionRecord, begun: FactorRecord, secret: bytes, counter: int, *, address: str
    ) -> FactorAdded:
        codes = recovery_codes.new_codes()
        others = await self.sessions.list(session)
        by = BySession(session.user, session.id, while_enrolling=True)
        is_first = await self.factors.store.activate(
            by, begun, secret=secret, counter=counter, recovery_codes=_digests(codes)
        )
        if is_first is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "no such factor is being set up here; begin again")
        self.factors.audit.record(
            FactorEvent.SECOND_FACTOR_ADDED,
            user=session.user,
            factor=begun.id,
            kind=begun.kind.value,
            session=session.id,
            address=address,
        )
        if not is_first:
            return FactorAdded()
        self.sessions.others_ended(session, others, why="second factor added")
        return FactorAdded(codes)


def _info(record: FactorRecord) -> FactorInfo:
    return FactorInfo(record.id, record.kind, record.name, record.created, record.last_used)


def _digests(codes: tuple[Secret, ...]) -> tuple[bytes, ...]:
    return tuple(recovery_codes.digest_of(code) for code in codes)
