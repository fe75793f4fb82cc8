"""The HTTPS API as one ASGI application, made from the table of operations.

Every answer is JSON of ours, also for a path that does not exist and for a fault; no answer ever allows
another origin to read it (no CORS header exists here), and no path redirects. The composition root makes
it; Host, Origin and the length of a body were checked by the gate before.
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parlour_protocol.errors import ParlourProtocolError
from parlour_server.api.endpoints import Endpoints, Handler
from parlour_server.api.operations import OPERATIONS
from parlour_server.api.problems import RequestRefusedError, http_problem, problem_of
from parlour_server.api.request_body import address_of
from parlour_server.audit import Audit, AuditEvent
from parlour_server.auth.request_rates import RequestRates
from parlour_server.errors import ParlourServerError, TooManyAttemptsError
from parlour_server.logs import log_fault
from parlour_server.rate_limit_key import rate_limit_key


def make_api(endpoints: Endpoints, rates: RequestRates, audit: Audit) -> ASGIApp:
    """Build the application. ``rates`` counts by address."""
    application = Starlette(
        routes=_routes(endpoints),
        exception_handlers={
            HTTPException: _http_exception,
            ParlourServerError: _refusal,
            ParlourProtocolError: _refusal,
            RequestRefusedError: _refusal,
            Exception: _refusal,  # answered as a fault, then raised on to the guard, which logs it
        },
    )
    application.router.redirect_slashes = False
    return Guarded(application, rates, audit)


def _routes(endpoints: Endpoints) -> list[Route]:
    """Return one route a path: only so does the answer 405 name all methods of the path."""
    paths: dict[str, dict[str, Handler]] = {}
    for row in OPERATIONS:
        paths.setdefault(row.path, {})[row.method] = endpoints.handler(row.name)
    return [Route(path, _chosen(handlers), methods=list(handlers)) for path, handlers in paths.items()]


def _chosen(handlers: dict[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle


class Guarded:
    """The outermost layer: the rate of an address, and the one guard for faults."""

    def __init__(self, application: ASGIApp, rates: RequestRates, audit: Audit) -> None:
        self._application = application
        self._rates = rates
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._within_rate(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the one guard of the API: a fault is one line and a 500
            log_fault("api", error)
            if not began:
                await problem_of(error)(scope, receive, send)

    async def _within_rate(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = address_of(Request(scope))
        try:
            self._rates.spend(rate_limit_key(address))
        except TooManyAttemptsError as error:
            self._audit.record(AuditEvent.LIMIT_HIT, limit="http", address=address)
            await problem_of(error)(scope, receive, send)
            return
        await self._application(scope, receive, send)


async def _refusal(_request: Request, error: Exception) -> Response:
    return problem_of(error)


async def _http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # the table of handlers says so; the type does not
        raise error
    return http_problem(error.status_code, (error.headers or {}).get("Allow"))
