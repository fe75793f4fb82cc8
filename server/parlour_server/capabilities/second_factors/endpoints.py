"""The endpoints of second factors: the end of a login, and challenges for other actions; what people have."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.kit.second_factor import (
    FactorId,
    FactorRemoval,
    LoginProof,
    NewRecoveryCodes,
    NewSecurityKey,
    NewTotp,
    SecurityKeyCredential,
    TotpConfirmation,
)
from parlour_server.capabilities.second_factors.challenges import SecondFactors
from parlour_server.capabilities.second_factors.enrolment import FactorEnrolment
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.clock import Clock
from parlour_server.core.errors import LoginRefusedError, ProofRefusedError
from parlour_server.core.https.account_endpoints import presented_token, session_created
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import RequestRefusedError, answer, nothing, wrong_proof
from parlour_server.core.https.request_body import address_of
from parlour_server.core.https.request_guard import RequestGuard, session_of


@dataclass(frozen=True, slots=True)
class SecondFactorEndpoints:
    """Second factors: the end of a login, and those of people who are logged in."""

    guard: RequestGuard
    logins: LoginService
    factors: SecondFactors
    enrolment: FactorEnrolment
    clock: Clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "finish_login": self.finish_login,
            "list_second_factors": self.list,
            "challenge": self.challenge,
            "begin_totp": self.begin_totp,
            "confirm_totp": self.confirm_totp,
            "begin_security_key": self.begin_security_key,
            "confirm_security_key": self.confirm_security_key,
            "remove_second_factor": self.remove,
            "replace_recovery_codes": self.replace_recovery_codes,
        }

    async def finish_login(self, request: Request) -> Response:
        """Make a session: 201."""
        body = await self.guard.body(request, LoginProof)
        made = await self.factors.finish(
            self.logins, body, address=address_of(request), presented=presented_token(request)
        )
        return session_created(self.guard, *made, self.clock.now())

    async def list(self, request: Request) -> Response:
        """List the factors: 200."""
        return answer(await self.enrolment.list(session_of(request)))

    async def challenge(self, request: Request) -> Response:
        """Give a challenge: 201."""
        return answer(await self.factors.challenge_session(session_of(request)), HTTPStatus.CREATED)

    async def begin_totp(self, request: Request) -> Response:
        """Give an app its secret: 201."""
        body = await self.guard.body(request, NewTotp)
        try:
            made = await self.enrolment.begin_totp(session_of(request), body, address=address_of(request))
        except LoginRefusedError:
            raise wrong_proof(body.proof) from None
        return answer(made, HTTPStatus.CREATED)

    async def confirm_totp(self, request: Request) -> Response:
        """Activate an app: 200."""
        body = await self.guard.body(request, TotpConfirmation)
        try:
            added = await self.enrolment.confirm_totp(
                session_of(request), _factor(request), body, address=address_of(request)
            )
        except ProofRefusedError:
            raise _not_confirmed("The code is wrong. Wait for the next one, and check the clock.") from None
        return answer(added)

    async def begin_security_key(self, request: Request) -> Response:
        """Say what the new credential is for: 201."""
        body = await self.guard.body(request, NewSecurityKey)
        try:
            made = await self.enrolment.begin_key(session_of(request), body, address=address_of(request))
        except LoginRefusedError:
            raise wrong_proof(body.proof) from None
        return answer(made, HTTPStatus.CREATED)

    async def confirm_security_key(self, request: Request) -> Response:
        """Activate a security key: 200."""
        body = await self.guard.body(request, SecurityKeyCredential)
        try:
            added = await self.enrolment.confirm_key(
                session_of(request), _factor(request), body, address=address_of(request)
            )
        except ProofRefusedError:
            raise _not_confirmed("What the security key signed is not valid here.") from None
        return answer(added)

    async def remove(self, request: Request) -> Response:
        """Remove a factor: 204."""
        body = await self.guard.body(request, FactorRemoval)
        try:
            await self.enrolment.remove(
                session_of(request), _factor(request), body, address=address_of(request)
            )
        except LoginRefusedError:
            raise wrong_proof(body.proof) from None
        return nothing()

    async def replace_recovery_codes(self, request: Request) -> Response:
        """Give new recovery codes: 201."""
        body = await self.guard.body(request, NewRecoveryCodes)
        try:
            codes = await self.enrolment.replace_recovery_codes(
                session_of(request), body, address=address_of(request)
            )
        except LoginRefusedError:
            raise wrong_proof(body.proof) from None
        return answer(codes, HTTPStatus.CREATED)


def _factor(request: Request) -> FactorId:
    return FactorId(request.path_params["id"])


def _not_confirmed(message: str) -> RequestRefusedError:
    """Return the response to a factor that does not work yet. Not 401, because the session is valid."""
    return RequestRefusedError(HTTPStatus.FORBIDDEN, "second_factor_refused", message)
