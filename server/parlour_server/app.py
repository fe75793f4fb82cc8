"""The composition root: creates every part of a server once, starts them in order, and stops them.

Nothing else creates collaborators, and there are no globals. Parts stop in reverse order, and a failed start
leaves nothing running. `server_process.py` runs it in a process of its own; tests and benchmarks run it in
theirs.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from parlour_server.api.account_endpoints import AccountEndpoints
from parlour_server.api.asgi import make_api
from parlour_server.api.device_endpoints import DeviceEndpoints
from parlour_server.api.file_endpoints import FileEndpoints
from parlour_server.api.group_endpoints import GroupEndpoints
from parlour_server.api.health_endpoints import HealthEndpoints, Readiness
from parlour_server.api.large_json import LargeJson
from parlour_server.api.operations import body_cap
from parlour_server.api.request_body import BodyPace
from parlour_server.api.request_guard import RequestGuard
from parlour_server.audit import Audit, AuditEvent
from parlour_server.auth.login import LoginService
from parlour_server.auth.login_throttle import LoginThrottle
from parlour_server.auth.password_change import PasswordChanger
from parlour_server.auth.password_hashing import HashingPool
from parlour_server.auth.registration import Registration
from parlour_server.auth.request_rates import RequestRates
from parlour_server.auth.session_activity import SessionActivity
from parlour_server.auth.session_watch import SessionWatch
from parlour_server.auth.sessions import Sessions
from parlour_server.auth.tickets import Tickets
from parlour_server.bus.local_bus import LocalBus
from parlour_server.chat.chat_service import ChatService
from parlour_server.chat.commands import Commands
from parlour_server.clock import Clock, SteadyClock, SystemClock
from parlour_server.config.server_settings import Settings
from parlour_server.config.settings_table import need_restart
from parlour_server.delivery.blob_store import BlobStore
from parlour_server.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.delivery.device_registry import DeviceRegistry
from parlour_server.delivery.file_expiry import FileExpiry
from parlour_server.delivery.key_log import KeyLog
from parlour_server.delivery.key_log_signer import KeyLogSigner
from parlour_server.delivery.key_packages import KeyPackageService
from parlour_server.delivery.mls_groups import MlsGroups
from parlour_server.delivery.uploads import Uploads
from parlour_server.errors import SetupError
from parlour_server.journal_follower import JournalFollower
from parlour_server.logs import log, warn
from parlour_server.metrics import Metrics
from parlour_server.net.listener import bind
from parlour_server.net.metrics_listener import MetricsListener
from parlour_server.net.net_server import NetServer
from parlour_server.net.tls_context import TlsFiles
from parlour_server.net.tls_groups import GROUPS, taken_besides
from parlour_server.net.websocket_connection import ConnectionRegistry
from parlour_server.pruner import Pruner
from parlour_server.setup.certificates import Renewal, renew_if_due
from parlour_server.setup.data_folder import DataFolder
from parlour_server.setup.disk_reserve import give_up_reserve, keep_reserve
from parlour_server.setup.folder_lock import locked
from parlour_server.setup.open_store import make_store
from parlour_server.setup.operator_log import OperatorLog
from parlour_server.setup.public_address import forget_running, name_of, note_running

_CLOSE_SECONDS: Final = 0.5
_RETRY_EVERY: Final = 60


class Application:
    """One server."""

    def __init__(self, folder: DataFolder, settings: Settings, *, clock: Clock | None = None) -> None:
        """Create everything that needs no event loop; ``start`` does the rest."""
        self._folder = folder
        self._settings = settings
        self._clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock)
        self._activity = SessionActivity(self._steady)
        self._metrics = Metrics()
        self._audit = Audit(self._metrics.count, self._clock)
        self._server = name_of(settings)
        self._store = make_store(folder, self._steady, tells_by_bus=True)
        self._blobs = BlobStore(folder.files)
        self._log_key: KeyLogSigner | None = None
        self._bus = LocalBus()
        self._passwords = HashingPool(
            threads=settings.logins.hash_threads,
            queue=settings.logins.hash_queue,
            per_address=settings.logins.hash_queue_per_address,
        )
        self._large = LargeJson()
        self._readiness = Readiness(self._store, self._clock)
        self._tls: TlsFiles | None = None
        self._api: ASGIApp | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> str:
        """Serve, and return the URL. Raises SetupError, leaving nothing running."""
        async with AsyncExitStack() as stack:
            url = await self._start(stack)
            self._stack = stack.pop_all()
        self._audit.record(AuditEvent.SERVER_STARTED, url=url)
        return url

    async def stop(self) -> None:
        """Close every connection, write what is queued, and stop within five seconds."""
        await self._stack.aclose()
        self._audit.summarise()
        self._audit.record(AuditEvent.SERVER_STOPPED)

    def reload(self, settings: Settings) -> list[str]:
        """Reload certificates and settings; returns the settings that need a restart.

        Raises SetupError, and keeps the old ones.
        """
        renew_if_due(self._folder, settings.listen.names)
        if self._tls is not None:
            self._tls.reload()
        waiting = need_restart(self._settings, settings)
        self._settings = settings
        self._api = self._make_api()
        self._audit.record(AuditEvent.RELOADED, need_restart=", ".join(waiting))
        return waiting

    async def _start(self, stack: AsyncExitStack) -> str:
        stack.callback(self._passwords.close)
        stack.callback(self._large.close)
        give_up_reserve(self._folder)
        stack.enter_context(locked(self._folder))
        renewal = Renewal(self._folder, lambda: self._settings.listen.names, self._clock)
        renewal.check()
        self._tls = TlsFiles(self._folder.certificate, self._folder.key)
        if others := taken_besides(self._tls.context):
            do = f"set Groups = {':'.join(GROUPS)} in the file that OPENSSL_CONF names"
            warn("weak_groups", taken=", ".join(others), do=do)
        self._log_key = KeyLogSigner.load(self._folder.log_key)
        self._blobs.open()
        await self._store.open()
        stack.push_async_callback(self._store.close)
        await self._bus.open()
        stack.push_async_callback(self._bus.close)
        chat = ChatService(
            server=self._server,
            settings=self._settings,
            store=self._store,
            bus=self._bus,
            clock=self._clock,
            steady=self._steady,
            activity=self._activity,
            audit=self._audit,
            loop=asyncio.get_running_loop(),
        )
        stack.push_async_callback(_within, chat.close)
        self._api = self._make_api()
        registry = ConnectionRegistry(self._audit)
        follower = JournalFollower(
            self._store.journal, registry.end_sessions, chat.room_advanced, chat.keys_changed
        )
        await follower.begin()
        watch = SessionWatch(self._live_sessions, registry.end_sessions, self._steady)
        watch.compare(await self._store.sessions.newest_seen())
        stack.push_async_callback(watch.stop)
        net = NetServer(
            self._settings,
            await bind(self._settings.listen.address),
            self._tls,
            chat,
            self._serve_api,
            self._store.tickets,
            registry,
            self._audit,
            self._steady,
            body_cap,
        )
        stack.push_async_callback(net.stop)
        addresses = net.serve()
        _run(stack, self._audit.run())
        _run(stack, follower.run())
        _run(stack, watch.run())
        _run(stack, OperatorLog(self._folder.operator_log).run(self._audit))
        _run(stack, renewal.run(self._tls.reload))
        _run(stack, FileExpiry(self._store.files, self._blobs, self._bus, self._clock, self._audit).run())
        _run(stack, Pruner(self._store, self._steady).run())
        await self._start_metrics(stack, net)
        host, port = addresses[0]
        stack.callback(forget_running, self._folder)
        if not self._note_running(host, port):
            warn(
                "address_not_noted",
                consequence="until then, invite links use the address in the configuration",
            )
        _run(stack, self._retry_failed_writes(host, port))
        return f"https://{_in_url(host)}:{port}"

    async def _start_metrics(self, stack: AsyncExitStack, net: NetServer) -> None:
        self._metrics.gauge("connections", "WebSocket connections", lambda: net.connections)
        self._metrics.gauge("sockets", "Open sockets of any kind", lambda: net.sockets)
        if self._settings.listen.metrics:
            listener = MetricsListener(self._metrics.text)
            stack.callback(listener.close)
            await listener.open(self._settings.listen.metrics)

    def _make_api(self) -> ASGIApp:
        """Create the HTTPS API with the current settings."""
        if self._log_key is None:
            raise RuntimeError("the API is made after the keys were read")
        logins, rates = self._settings.logins, self._settings.rates
        connections, names = self._settings.connections, self._settings.listen.names
        store, bus, audit, clock = self._store, self._bus, self._audit, self._clock
        sessions = self._live_sessions()
        throttle = LoginThrottle(store.attempts, clock, logins)
        tickets = RequestRates(clock, per_minute=logins.tickets_per_session, burst=logins.tickets_per_session)
        pace = BodyPace(connections.body_seconds, connections.body_bytes_per_second)
        by_account = RequestRates(clock, per_minute=rates.http_per_minute, burst=rates.http_burst)
        guard = RequestGuard(sessions, pace, by_account, self._large)
        passwords = PasswordChanger(store.accounts, sessions, self._passwords, throttle, audit, names)
        accounts = AccountEndpoints(
            guard,
            Registration(store, bus, self._passwords, clock, audit, names),
            LoginService(store.accounts, sessions, self._passwords, throttle, audit),
            Tickets(store.tickets, tickets, throttle, audit, seconds=logins.ticket_seconds),
            passwords,
            self._steady,
        )
        files = self._settings.files
        budgets = DeliveryBudgets(rates, files, clock)
        commands = Commands(
            server=self._server,
            log=store.log,
            bus=bus,
            clock=clock,
            audit=audit,
            incarnation=store.incarnation,
        )
        devices = DeviceRegistry(store.devices, passwords, bus, clock, audit, budgets, server=self._server)
        key_log = KeyLog(store.keylog, self._log_key, server=self._server)
        return make_api(
            accounts,
            DeviceEndpoints(guard, devices, KeyPackageService(store, bus, clock, audit, budgets), budgets),
            GroupEndpoints(guard, MlsGroups(store.groups, commands, clock, audit, budgets), key_log, budgets),
            FileEndpoints(guard, Uploads(store, self._blobs, clock, audit, budgets, files), budgets),
            HealthEndpoints(self._readiness),
            RequestRates(clock, per_minute=rates.http_per_minute, burst=rates.http_burst),
            audit,
        )

    def _live_sessions(self) -> Sessions:
        """Return the sessions with the current settings, which a reload changes."""
        return Sessions(
            self._store.sessions, self._bus, self._steady, self._audit, self._settings.logins, self._activity
        )

    async def _serve_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the current API; a reload creates a new one."""
        if self._api is not None:
            await self._api(scope, receive, send)

    async def _retry_failed_writes(self, host: str, port: int) -> None:
        """Retry the writes that a full disk prevented at the start."""
        while True:
            keep_reserve(self._folder)
            if not self._folder.running.exists():
                self._note_running(host, port)
            await asyncio.sleep(_RETRY_EVERY)

    def _note_running(self, host: str, port: int) -> bool:
        """Record the address of this process; False when the disk is full."""
        try:
            note_running(self._folder, host, port)
        except SetupError:
            return False
        return True


def _run(stack: AsyncExitStack, work: Any) -> None:
    """Run ``work`` until the stack is closed."""
    task = asyncio.get_running_loop().create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    stack.push_async_callback(end)


async def _within(close: Any) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except TimeoutError:
        log("chat_closed_late")


def _in_url(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - not bound here: where to reach it
        return "localhost"
    return f"[{host}]" if ":" in host else host
