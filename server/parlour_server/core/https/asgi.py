"""The HTTPS API as one ASGI application, made from the table of operations.

Every response is our own JSON, even for an unknown path or an internal error. No response allows another
origin to read it, unless a capability does (``around``), and no path redirects. The gate has already checked
Host, Origin and the length of the body.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parlour_protocol.kit.errors import ParlourProtocolError, ProgramError
from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.connections.error_boundary import is_cancelled
from parlour_server.core.errors import ParlourServerError, TooManyAttemptsError
from parlour_server.core.https.mount import Mount
from parlour_server.core.https.mounted_app import MountedApp
from parlour_server.core.https.operations import Handler, Operation, Operations
from parlour_server.core.https.problems import Problems, RequestRefusedError, http_problem
from parlour_server.core.https.request_body import address_of
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.output import log_fault


def make_api(
    operations: Operations,
    handlers: Mapping[str, Handler],
    guard: RequestGuard,
    problems: Problems,
    rates: RequestRates,
    audit: Audit,
    mounted: Iterable[tuple[Mount, ASGIApp]] = (),
    around: Iterable[Callable[[ASGIApp], ASGIApp]] = (),
) -> ASGIApp:
    """Build the application. ``rates`` limits requests by address; ``around`` is ``Hooks.around_api``.

    Unless anyone may call an operation, only a live session reaches its handler, whatever the handler does;
    and one that must set up what its account has to prove reaches only the handlers for that.

    Raises ProgramError unless every operation has a handler, and every handler an operation.
    """
    names = {row.name for row in operations.rows}
    if names != handlers.keys():
        wrong = ", ".join(sorted(names.symmetric_difference(handlers)))
        raise ProgramError(f"operations of the HTTPS API and their handlers differ: {wrong}")

    async def refuse(_request: Request, error: Exception) -> Response:
        return problems.response(error)

    beside = [routing.Mount(mount.path, MountedApp(mount, app, guard)) for mount, app in mounted]
    starlette = Starlette(
        routes=[*_routes(operations, handlers, guard), *beside],
        exception_handlers={
            HTTPException: _http_exception,
            ParlourServerError: refuse,
            ParlourProtocolError: refuse,
            RequestRefusedError: refuse,
            Exception: refuse,  # answered as an internal error, then raised to ``Guarded``, which logs it
        },
    )
    starlette.router.redirect_slashes = False
    application: ASGIApp = starlette
    for wrap in around:
        application = wrap(application)
    return Guarded(application, problems, rates, audit)


def _routes(
    operations: Operations, handlers: Mapping[str, Handler], guard: RequestGuard
) -> list[routing.Route]:
    """Return one route per path, so that a 405 lists all methods of the path."""
    paths: dict[str, dict[str, Handler]] = {}
    for row in operations.rows:
        handler = handlers[row.name]
        paths.setdefault(row.path, {})[row.method] = (
            _with_session(handler, row, guard) if row.session else handler
        )
    return [
        routing.Route(path, _by_method(of_path), methods=list(of_path)) for path, of_path in paths.items()
    ]


def _with_session(handler: Handler, row: Operation, guard: RequestGuard) -> Handler:
    async def handle(request: Request) -> Response:
        await guard.authenticate(request, while_enrolling=row.while_enrolling, by_session=row.by_session)
        return await handler(request)

    return handle


def _by_method(handlers: dict[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle


class Guarded:
    """The outermost layer: rate limits by address, and the handler for internal errors."""

    def __init__(self, application: ASGIApp, problems: Problems, rates: RequestRates, audit: Audit) -> None:
        self._application = application
        self._problems = problems
        self._rates = rates
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            await send(message)
            began = True  # a head that can't be sent is none

        try:
            await self._within_rate(scope, receive, sending)
        except GeneratorExit:
            raise
        except BaseException as error:  # the one guard of the API: any fault is one line and a 500
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            log_fault("api", error)
            if not began:
                await self._problems.response(error)(scope, receive, send)

    async def _within_rate(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = address_of(Request(scope))
        try:
            self._rates.spend(rate_limit_key(address))
        except TooManyAttemptsError as error:
            self._audit.record(AuditEvent.LIMIT_HIT, limit="http", address=address)
            await self._problems.response(error)(scope, receive, send)
            return
        await self._application(scope, receive, send)


async def _http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # the table of handlers says so; the type does not
        raise error
    return http_problem(error.status_code, (error.headers or {}).get("Allow"))
