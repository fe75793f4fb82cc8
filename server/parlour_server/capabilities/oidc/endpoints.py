"""The endpoints of company logins."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from parlour_protocol.kit.errors import ErrorCode
from parlour_server.capabilities.oidc.bodies import CompanyLogin, CompanyPending, CompanyPoll
from parlour_server.capabilities.oidc.operations import OPERATIONS
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.https.account_endpoints import presented_token, session_created
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import answer, problem
from parlour_server.core.https.request_body import address_of
from parlour_server.core.https.request_guard import RequestGuard

if TYPE_CHECKING:  # it loads the extra
    from parlour_server.capabilities.oidc.logins import CompanyLogins

_BY_PASSWORD: Final = frozenset({"/v1/sessions", "/v1/accounts"})


@dataclass(frozen=True, slots=True)
class OidcEndpoints:
    """Company logins."""

    guard: RequestGuard
    logins: LoginService
    company: "CompanyLogins"
    registration: Callable[[], Registration]
    clock: Clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {"begin_company_login": self.begin, "poll_company_login": self.poll}

    async def begin(self, request: Request) -> Response:
        """Begin a login: 201."""
        body = await self.guard.body(request, CompanyLogin)
        self.guard.sessions.check_key(body.key)
        begun = await self.company.begin(body.device, body.key, address=address_of(request))
        return answer(begun, HTTPStatus.CREATED)

    async def poll(self, request: Request) -> Response:
        """Make a session: 201; or not yet: 202."""
        body = await self.guard.body(request, CompanyPoll)
        made = await self.company.poll(
            self.logins,
            self.registration(),
            body.login,
            body.key,
            address=address_of(request),
            presented=presented_token(request),
        )
        if isinstance(made, int):
            return answer(CompanyPending(made), HTTPStatus.ACCEPTED)
        return session_created(self.guard, *made, self.clock.now())


async def _not_offered(_request: Request) -> Response:
    raise RefusedError(ErrorCode.NOT_FOUND, "this server has no company login; log in with your password")


NOT_OFFERED: Final[Mapping[str, Callable[[Request], Awaitable[Response]]]] = {
    operation.name: _not_offered for operation in OPERATIONS
}
"""The handlers of a server without a provider."""


def without_passwords(app: ASGIApp) -> ASGIApp:
    """Return the HTTPS API, which begins no session by a password and makes no account with one."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _BY_PASSWORD:
            refused = problem(
                HTTPStatus.FORBIDDEN,
                "company_login",
                "Passwords are off here. Log in with your company account.",
            )
            return await refused(scope, receive, send)
        return await app(scope, receive, send)

    return serve
