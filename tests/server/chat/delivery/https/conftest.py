"""The HTTPS API without a socket: requests go to the application directly."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.types import ASGIApp
from tests.server.fakes import PASSWORD, MakeAccount, ReadableAudit, StoppedClock

from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors.challenges import SecondFactors
from parlour_server.capabilities.second_factors.endpoints import SecondFactorEndpoints
from parlour_server.capabilities.second_factors.enrolment import FactorEnrolment
from parlour_server.capabilities.second_factors.operations import ERROR_ANSWERS as FACTOR_ANSWERS
from parlour_server.capabilities.second_factors.operations import OPERATIONS as FACTOR_OPERATIONS
from parlour_server.capabilities.second_factors.operations import OR_GIVES
from parlour_server.capabilities.second_factors.settings import FactorSettings
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.budgets import UploadBudgets
from parlour_server.chat.capabilities.file_sharing.endpoints import FileEndpoints
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.operations import FILE_OPERATIONS
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.chat.capabilities.file_sharing.uploads import Uploads
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.device_registry import DeviceRegistry
from parlour_server.chat.delivery.https.device_endpoints import DeviceEndpoints
from parlour_server.chat.delivery.https.error_answers import ERROR_ANSWERS, ERROR_STATUSES
from parlour_server.chat.delivery.https.group_endpoints import GroupEndpoints
from parlour_server.chat.delivery.https.large_json import LargeJson
from parlour_server.chat.delivery.key_log import KeyLog
from parlour_server.chat.delivery.key_packages import KeyPackageService
from parlour_server.chat.delivery.mls_groups import MlsGroups
from parlour_server.chat.program import CHAT
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.settings import ChatSettings, MessageSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_change import PasswordChanger
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tickets import Tickets
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.https.account_endpoints import AccountEndpoints
from parlour_server.core.https.asgi import make_api
from parlour_server.core.https.health_endpoints import HealthEndpoints, Readiness
from parlour_server.core.https.operations import Operations
from parlour_server.core.https.problems import Problems
from parlour_server.core.https.request_body import BodyPace
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Alone
from parlour_server.core.quotas import Quotas
from parlour_server.core.signatures import SigningKey

if TYPE_CHECKING:
    from tests.server.chat.delivery.https.api_harness import Village

SETTINGS = ChatSettings()
SERVER = "localhost"
OPERATIONS = Operations((*CHAT.operations(), *FILE_OPERATIONS, *FACTOR_OPERATIONS), OR_GIVES)


@pytest.fixture
def rates(clock: StoppedClock) -> RequestRates:
    """Return the rate of an address: a hundred at once."""
    return RequestRates(clock, Quotas(), "rate", per_minute=60, burst=100)


@pytest.fixture
def account_limits() -> AccountLimits:
    """Return the limits of single accounts: none yet."""
    return AccountLimits()


@pytest.fixture
def budgets(clock: StoppedClock) -> DeliveryBudgets:
    """Return the delivery service's budgets, with the defaults."""
    return DeliveryBudgets(SETTINGS.rates, SETTINGS.files, clock, Alone(), LimitHits())


@pytest.fixture
def upload_budgets(clock: StoppedClock, account_limits: AccountLimits) -> UploadBudgets:
    """Return the budgets of uploads, with the defaults."""
    return UploadBudgets(FileSettings(), clock, Alone(), account_limits, LimitHits())


@pytest.fixture
def large() -> Iterator[LargeJson]:
    """Return the thread that reads large bodies."""
    found = LargeJson()
    yield found
    found.close()


@pytest.fixture
def uploads(
    folder: DataFolder,
    store: ChatStore,
    clock: StoppedClock,
    audit: ReadableAudit,
    upload_budgets: UploadBudgets,
) -> Uploads:
    """Return what takes files and gives them."""
    blobs = BlobStore(files_of(folder))
    blobs.open()
    return Uploads(store, FileStore(store, clock), blobs, clock, audit, upload_budgets, FileSettings())


@pytest.fixture
def factor_settings() -> FactorSettings:
    """Return the settings of logins."""
    return FactorSettings()


@pytest.fixture
def application(
    factor_settings: FactorSettings,
    folder: DataFolder,
    store: ChatStore,
    bus: LocalBus,
    clock: StoppedClock,
    audit: ReadableAudit,
    passwords: HashingPool,
    factors: SecondFactors,
    budgets: DeliveryBudgets,
    large: LargeJson,
    rates: RequestRates,
    uploads: Uploads,
) -> ASGIApp:
    """Return the application over a real store."""
    logins = SETTINGS.logins
    factors.settings = factor_settings
    activity, limits = SessionActivity(clock), AccountLimits()
    sessions = Sessions(
        store.sessions, bus, clock, audit, logins, activity, limits, is_proof_required=factors.is_required
    )
    throttle = LoginThrottle(store.attempts, clock, logins)
    tickets = RequestRates(clock, Quotas(), "rate", per_minute=60, burst=60)
    by_account = RequestRates(clock, Quotas(), "rate", per_minute=600, burst=600)
    guard = RequestGuard(sessions, BodyPace(5, 65_536), by_account, OPERATIONS)
    confirm = Reauthentication(store.accounts, passwords, throttle, factors)
    changes = PasswordChanger(store.accounts, sessions, passwords, confirm, audit, ())
    enrolment = FactorEnrolment(factors, sessions, confirm)
    login = LoginService(store.accounts, sessions, passwords, throttle, audit, factors)
    commands = Commands(
        server="test",
        log=store.log,
        clock=clock,
        audit=audit,
        incarnation=store.incarnation,
        messages=MessageSettings(),
    )
    endpoints = (
        AccountEndpoints(
            guard,
            Registration(
                store.accounts,
                passwords,
                clock,
                audit,
                refuse_reserved=CHAT.refuse_reserved,
                account_made=partial(CHAT.account_made, store, clock),
            ),
            login,
            Tickets(store.tickets, tickets, audit, clock, seconds=30),
            changes,
            clock,
        ),
        SecondFactorEndpoints(guard, login, factors, enrolment, clock),
        DeviceEndpoints(
            guard,
            DeviceRegistry(store.devices, confirm, bus, clock, audit, budgets, server=SERVER),
            KeyPackageService(store, bus, clock, audit, budgets),
            budgets,
            large,
        ),
        GroupEndpoints(
            guard,
            MlsGroups(store.groups, commands, clock, audit, budgets),
            KeyLog(store.keylog, SigningKey.load(folder.signing_key), server=SERVER),
            budgets,
            large,
        ),
        FileEndpoints(guard, uploads, budgets),
        HealthEndpoints(Readiness(store, clock, Alone())),
    )
    handlers = {name: handler for each in endpoints for name, handler in each.handlers.items()}
    return make_api(
        OPERATIONS,
        handlers,
        guard,
        Problems({**FACTOR_ANSWERS, **ERROR_ANSWERS}, ERROR_STATUSES),
        rates,
        audit,
    )


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


@pytest.fixture
def village(api: Api, store: ChatStore, clock: StoppedClock, make_account: MakeAccount) -> "Village":
    """Return who makes people with devices."""
    from tests.server.chat.delivery.https.api_harness import Village  # noqa: PLC0415 - it needs this module

    return Village(api, store, clock, make_account)
