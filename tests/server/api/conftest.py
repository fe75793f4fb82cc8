"""The HTTPS API without a socket: requests go to the application directly."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp
from tests.server.fakes import PASSWORD, ReadableAudit, StoppedClock

from parlour_protocol.secret import Secret
from parlour_server.api.app import make_api
from parlour_server.api.endpoints import Endpoints
from parlour_server.auth.accounts import AccountMaker
from parlour_server.auth.changes import PasswordChanges
from parlour_server.auth.logins import Logins
from parlour_server.auth.passwords import Passwords
from parlour_server.auth.rates import Rates
from parlour_server.auth.sessions import Sessions
from parlour_server.auth.throttle import Throttle
from parlour_server.auth.tickets import Tickets
from parlour_server.bus.local import LocalBus
from parlour_server.config.settings import Settings
from parlour_server.store.interface import Store

SETTINGS = Settings()


@pytest.fixture
def rates(clock: StoppedClock) -> Rates:
    """Return the rate of an address: a hundred at once."""
    return Rates(clock, per_minute=60, burst=100)


@pytest.fixture
def endpoints(
    store: Store, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, passwords: Passwords
) -> Endpoints:
    """Return the collaborators over a real store."""
    logins = SETTINGS.logins
    sessions = Sessions(store.sessions, bus, clock, audit, logins)
    throttle = Throttle(store.attempts, clock, logins)
    tickets = Rates(clock, per_minute=60, burst=60)
    return Endpoints(
        accounts=AccountMaker(store, bus, passwords, clock, audit),
        logins=Logins(store.accounts, sessions, passwords, throttle, audit),
        sessions=sessions,
        tickets=Tickets(store.tickets, tickets, throttle, audit, seconds=30),
        passwords=PasswordChanges(store.accounts, sessions, passwords, throttle, audit, ()),
        store=store,
        clock=clock,
        body_seconds=5,
    )


@pytest.fixture
def application(endpoints: Endpoints, rates: Rates, audit: ReadableAudit) -> ASGIApp:
    """Return the application."""
    return make_api(endpoints, rates, audit)


@dataclass(frozen=True)
class Api:
    """A client of the API."""

    http: httpx.AsyncClient

    async def log_in(self, name: str = "anna", password: str = PASSWORD, **headers: str) -> httpx.Response:
        body = {"username": name, "password": password, "device": "laptop"}
        return await self.http.post("/v1/sessions", json=body, headers=headers)

    async def session(self, name: str = "anna") -> Secret:
        return Secret((await self.log_in(name)).json()["session"])

    async def as_(self, token: Secret, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        return await self.http.request(method, path, headers=headers, **options)


@pytest.fixture
async def api(application: ASGIApp) -> AsyncIterator[Api]:
    """Return a client at one address."""
    transport = httpx.ASGITransport(application, client=("192.0.2.1", 4000))
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as http:
        yield Api(http)
