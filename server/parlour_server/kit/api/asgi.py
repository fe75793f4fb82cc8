"""The HTTPS API as one ASGI application, made from the table of operations.

Every response is our own JSON, even for an unknown path or an internal error. No response allows another
origin to read it (there are no CORS headers), and no path redirects. The gate has already checked Host,
Origin and the length of the body.
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_server.api.device_endpoints import DeviceEndpoints
from parlour_server.api.file_endpoints import FileEndpoints
from parlour_server.api.group_endpoints import GroupEndpoints
from parlour_server.kit.api.account_endpoints import AccountEndpoints
from parlour_server.kit.api.health_endpoints import HealthEndpoints
from parlour_server.kit.api.operations import OPERATIONS
from parlour_server.kit.api.problems import RequestRefusedError, http_problem, problem_of
from parlour_server.kit.api.request_body import address_of
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.auth.request_rates import RequestRates
from parlour_server.kit.errors import ParlourServerError, TooManyAttemptsError
from parlour_server.kit.logs import log_fault
from parlour_server.kit.token_buckets import rate_limit_key

Handler = Callable[[Request], Awaitable[Response]]


def make_api(
    accounts: AccountEndpoints,
    devices: DeviceEndpoints,
    groups: GroupEndpoints,
    files: FileEndpoints,
    health: HealthEndpoints,
    rates: RequestRates,
    audit: Audit,
) -> ASGIApp:
    """Build the application. ``rates`` limits requests by address."""
    handlers: dict[str, Handler] = {
        "make_account": accounts.make_account,
        "log_in": accounts.log_in,
        "list_sessions": accounts.list_sessions,
        "log_out": accounts.log_out,
        "end_session": accounts.end_session,
        "issue_ticket": accounts.issue_ticket,
        "change_password": accounts.change_password,
        "is_alive": health.is_alive,
        "is_ready": health.is_ready,
        "describe": health.describe,
        "set_account_key": devices.set_account_key,
        "register_device": devices.register_device,
        "list_devices": devices.list_devices,
        "certify_device": devices.certify_device,
        "revoke_device": devices.revoke_device,
        "put_key_packages": devices.put_key_packages,
        "claim_key_packages": devices.claim_key_packages,
        "read_key_log": groups.read_key_log,
        "group_state": groups.group_state,
        "found_group": groups.found_group,
        "commit_to_group": groups.commit_to_group,
        "contest_commit": groups.contest_commit,
        "list_welcomes": groups.list_welcomes,
        "drop_welcome": groups.drop_welcome,
        "upload_file": files.upload_file,
        "download_file": files.download_file,
    }
    application = Starlette(
        routes=_routes(handlers),
        exception_handlers={
            HTTPException: _http_exception,
            ParlourServerError: _refusal,
            ParlourProtocolError: _refusal,
            RequestRefusedError: _refusal,
            Exception: _refusal,  # answered as an internal error, then raised to ``Guarded``, which logs it
        },
    )
    application.router.redirect_slashes = False
    return Guarded(application, rates, audit)


def _routes(handlers: Mapping[str, Handler]) -> list[Route]:
    """Return one route per path, so that a 405 lists all methods of the path."""
    paths: dict[str, dict[str, Handler]] = {}
    for row in OPERATIONS:
        paths.setdefault(row.path, {})[row.method] = handlers[row.name]
    return [Route(path, _by_method(of_path), methods=list(of_path)) for path, of_path in paths.items()]


def _by_method(handlers: dict[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle


class Guarded:
    """The outermost layer: rate limits by address, and the handler for internal errors."""

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
