"""The HTTPS API of a server: its parts behind the table of operations, with the settings in force."""

from functools import partial
from typing import Any, Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import served_by
from parlour_server.app.parts import Parts
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_change import PasswordChanger
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tickets import Tickets
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.https.account_endpoints import AccountEndpoints
from parlour_server.core.https.asgi import make_api
from parlour_server.core.https.health_endpoints import HealthEndpoints, Readiness
from parlour_server.core.https.problems import Problems
from parlour_server.core.https.request_body import BodyPace
from parlour_server.core.https.request_guard import RequestGuard

_Settings = TypeVar("_Settings", bound=Settings)


class HttpsApi(Generic[_Settings]):
    """The HTTPS API with the settings in force, which a reload replaces."""

    def __init__(self, app: BaseApp[_Settings, Any], parts: Parts[_Settings, Any]) -> None:
        self._app = app
        self._parts = parts
        added = (served.error_answers for served in served_by(app.capabilities))
        answers = {kind: answer for found in (*added, app.error_answers()) for kind, answer in found.items()}
        self._problems = Problems(answers, app.error_statuses())
        self._health = HealthEndpoints(Readiness(parts.store, parts.clock, parts.nodes))
        connections = parts.settings.connections
        self._pace = BodyPace(connections.body_seconds, connections.body_bytes_per_second)
        self._mounted = [(mount, mount.make()) for mount in app.mounts]
        self._made = self._make()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the current settings."""
        await self._made(scope, receive, send)

    def make_again(self) -> None:
        """Use new settings from now on."""
        self._made = self._make()

    def drain(self) -> int:
        """Answer that the server is not ready from now on; returns for how many seconds it should wait."""
        self._health.readiness.is_draining = True
        return self._parts.settings.connections.drain_seconds

    def live_sessions(self) -> Sessions:
        """Return the sessions with the current settings."""
        parts, after_password = self._parts, self._parts.hooks.after_password
        return Sessions(
            parts.store.sessions,
            parts.bus,
            parts.steady,
            parts.audit,
            parts.settings.logins,
            parts.activity,
            parts.quotas.accounts,
            is_proof_required=after_password is not None and after_password.is_required,
        )

    def _make(self) -> ASGIApp:
        app, parts, passwords = self._app, self._parts, self._parts.passwords
        logins, rates = parts.settings.logins, parts.settings.rates
        names = (*parts.settings.listen.names, app.name.word)  # no password is based on these
        store, audit, clock = parts.store, parts.audit, parts.clock
        sessions = self.live_sessions()
        throttle = LoginThrottle(store.attempts, clock, logins)
        tickets = RequestRates(
            clock,
            parts.quotas,
            "logins.tickets_per_session",
            per_minute=logins.tickets_per_session,
            burst=logins.tickets_per_session,
        )
        https_rates = partial(
            RequestRates,
            clock,
            parts.quotas,
            "rates.http_per_minute",
            per_minute=rates.http_per_minute,
            burst=rates.http_burst,
        )
        by_account, by_address = https_rates(), https_rates()
        guard = RequestGuard(sessions, self._pace, by_account, parts.operations, parts.hooks.content_filter)
        after_password = parts.hooks.after_password
        reauthentication = Reauthentication(store.accounts, passwords, throttle, after_password)
        login = LoginService(store.accounts, sessions, passwords, throttle, audit, after_password)
        registration = Registration(
            store.accounts,
            passwords,
            clock,
            audit,
            names,
            refuse_reserved=app.refuse_reserved,
            account_made=partial(app.account_made, store, clock),
        )
        for give in parts.hooks.registration:
            give(registration)
        accounts = AccountEndpoints(
            guard,
            registration,
            login,
            Tickets(store.tickets, tickets, audit, parts.steady, seconds=logins.ticket_seconds),
            PasswordChanger(store.accounts, sessions, passwords, reauthentication, audit, names),
            parts.steady,
        )
        return make_api(
            parts.operations,
            {
                **{
                    name: handler
                    for made in parts.hooks.handlers
                    for name, handler in made(guard, login, reauthentication).items()
                },
                **accounts.handlers,
                **self._health.handlers,
            },
            guard,
            self._problems,
            by_address,
            audit,
            self._mounted,
            parts.hooks.around_api,
        )
