"""The composition root: creates every part of a program's server once, starts them in order, and stops them.

Nothing else creates collaborators, and there are no globals. Parts stop in reverse order, and a failed start
leaves nothing running. `server_process.py` runs it in a process of its own; tests and benchmarks run it in
theirs.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final, Generic, Self, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from parlour_server.app.capability import prepare_all, served_by, start_all
from parlour_server.app.hooks import Hooks, Opened, Serving
from parlour_server.app.kit_notices import KIT_NOTICES
from parlour_server.app.metrics import Metrics
from parlour_server.app.parts import Parts, RunningProgram
from parlour_server.app.program_spec import ProgramSpec
from parlour_server.app.served_program import ServedProgram
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_change import PasswordChanger
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.session_watch import SessionWatch
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tickets import TicketRedemption, Tickets
from parlour_server.core.addresses import in_url, is_unspecified
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import Clock, SteadyClock, SystemClock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.config.settings_table import need_restart
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.connections.topics import Topics
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.https.account_endpoints import AccountEndpoints
from parlour_server.core.https.asgi import make_api
from parlour_server.core.https.health_endpoints import HealthEndpoints, Readiness
from parlour_server.core.https.operations import Operations
from parlour_server.core.https.problems import Problems
from parlour_server.core.https.request_body import BodyPace
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.kit_store import KitStore
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Alone
from parlour_server.core.logs import log, warn
from parlour_server.core.net.listener import bind
from parlour_server.core.net.net_server import NetServer
from parlour_server.core.net.tls_groups import GROUP_LIST, taken_besides
from parlour_server.core.net.websocket_connection import ConnectionRegistry
from parlour_server.host.journal_follower import JournalFollower
from parlour_server.host.online import OnlineNote
from parlour_server.host.operator_changes import OperatorChanges
from parlour_server.host.pruner import Pruner
from parlour_server.host.setup.certificate_renewal import Renewal
from parlour_server.host.setup.disk_reserve import give_up_reserve, keep_reserve
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for
from parlour_server.host.setup.operator_log_reader import OperatorLogReader
from parlour_server.host.setup.public_address import forget_running, name_of, note_running

_CLOSE_SECONDS: Final = 0.5
_RETRY_EVERY: Final = 60
_TOPIC_SECONDS: Final = 0.013
"""Between two writes of a busy topic: as the chat does by default."""
_Settings = TypeVar("_Settings", bound=Settings)
_Store = TypeVar("_Store", bound=KitStore)


class Server(Generic[_Settings]):
    """A running server; ``start`` makes one."""

    def __init__(
        self,
        url: str,
        api: "_Api[_Settings]",
        renewal: Renewal,
        hooks: Hooks,
        audit: Audit,
        stack: AsyncExitStack,
        last: AsyncExitStack,
    ) -> None:
        """``stack`` ends everything that runs, ``last`` what records that."""
        self.url = url
        self._api = api
        self._renewal = renewal
        self._hooks = hooks
        self._audit = audit
        self._stack = stack
        self._last = last

    @classmethod
    async def start(  # noqa: PLR0915 - every part once, in their order
        cls,
        spec: ProgramSpec[_Settings, _Store],
        folder: DataFolder,
        settings: _Settings,
        *,
        clock: Clock | None = None,
        passwords: HashingPool | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> Self:
        """Serve. Raises SetupError, or ProgramError for an incomplete program; nothing is left running.

        ``sockets`` listen already; without any, the address of the settings is bound.
        """
        clock = clock or SystemClock()
        steady = SteadyClock(clock)
        activity = SessionActivity(steady)
        metrics, hits = Metrics(), LimitHits()
        engine = engine_for(spec, folder, settings)
        store = spec.make_store(engine, steady, True)
        logins = settings.logins
        passwords = passwords or HashingPool(
            threads=logins.hash_threads,
            queue=logins.hash_queue,
            per_address=logins.hash_queue_per_address,
        )
        served = spec.served()
        operations = served.all_operations(spec.capabilities)
        async with AsyncExitStack() as last, AsyncExitStack() as stack:
            stack.callback(passwords.close)
            give_up_reserve(folder)
            last.enter_context(locked(folder))
            # What refuses to start comes first: nothing is changed before, no certificate renewed.
            await store.open(spec.schema)
            last.push_async_callback(store.close)
            if engine.unverified:
                warn("database_unverified", why=engine.unverified)
            opened = Opened(
                folder=folder,
                settings=settings,
                engine=engine,
                store=store,
                clock=clock,
                steady=steady,
                metrics=metrics,
                notices=(*KIT_NOTICES, *served.notices),
                run=partial(_run, stack),
                last=last,
            )
            hooks = await prepare_all(spec.capabilities, opened)
            renewal = Renewal(folder, settings.listen.names, clock)
            if others := taken_besides(renewal.tls.context):
                do = f"set Groups = {GROUP_LIST} in the file that OPENSSL_CONF names"
                warn("weak_groups", taken=", ".join(others), do=do)
            added = served_by(spec.capabilities)
            events = [*served.audit_events, *(event for one in added for event in one.audit_events)]
            repeatable = served.repeatable_events.union(*(one.repeatable_events for one in added))
            audit = Audit(clock, events, repeatable, hooks.keepers)
            nodes = hooks.nodes or Alone()
            if nodes.is_shared:
                clock = steady  # it follows the others'
            bus = hooks.bus or LocalBus()
            await bus.open()
            stack.push_async_callback(bus.close)
            background = BackgroundTasks()
            connected: ConnectedPeers[Any] = ConnectedPeers()
            limits = AccountLimits()
            parts = Parts(
                spec=spec,
                server=name_of(settings),
                settings=settings,
                folder=folder,
                store=store,
                bus=bus,
                clock=clock,
                steady=steady,
                audit=audit,
                metrics=metrics,
                hits=hits,
                connected=connected,
                nodes=nodes,
                limits=limits,
                hooks=hooks,
                background=background,
                topics=Topics(asyncio.get_running_loop(), _TOPIC_SECONDS, frozenset(served.wire.pushes), bus),
                stack=stack,
                run=partial(_run, stack),
            )
            await start_all(spec.capabilities, parts)
            spec.refuse_ignored(hooks)
            if hooks.after_password is None and (shut_out := await store.accounts.count_needing_proof()):
                do = "list the capability again that asks for more than their passwords"
                warn("accounts_shut_out", accounts=shut_out, do=do)
            store.writer.observer = parts.topics.deliveries.observer = hooks.observer
            running = await served.start(parts)
            service = ConnectionService(
                running.program,
                wire=served.wire,
                rates=settings.rates,
                connected=connected,
                background=background,
                bus=bus,
                activity=activity,
                audit=audit,
                clock=clock,
                nodes=nodes,
                limits=limits,
                hits=hits,
                extensions=Extensions(
                    content_filter=hooks.content_filter,
                    observer=hooks.observer,
                    answers=hooks.answers,
                    closed=hooks.closed,
                ),
            )
            stack.push_async_callback(_within, service.close)
            api = _Api(spec, served, parts, running, hooks, operations, activity, passwords)
            registry = ConnectionRegistry(audit, hits)
            watch = SessionWatch(api.live_sessions, service.end_sessions, steady)
            watch.compare(await store.sessions.newest_seen())
            stack.push_async_callback(watch.stop)
            net = NetServer(
                settings,
                sockets or await bind(settings.listen.address),
                renewal.tls,
                service,
                api,
                TicketRedemption(
                    store.tickets,
                    store.sessions,
                    LoginThrottle(store.attempts, clock, settings.logins),
                    steady,
                ),
                registry,
                audit,
                served.wire,
                operations.body_cap,
                nodes,
                hooks.refused,
                hooks.balancer,
                limits,
            )
            hooks.close_refused = net.close_refused
            stack.push_async_callback(net.stop)
            changes = OperatorChanges(hooks.read_again, service.journal)
            follower = JournalFollower(store.journal, changes.journal)
            await follower.begin()
            await changes.read_all()
            addresses = net.serve()
            _run(stack, audit.run())
            _run(stack, follower.run())
            _run(stack, changes.run())
            _run(stack, watch.run())
            _run(stack, OperatorLogReader(folder.operator_log).run(audit))
            _run(stack, renewal.run())
            _run(stack, Pruner(store, steady, spec.schema.rules).run())
            if hooks.serving:
                serving = Serving(
                    net=net,
                    service=service,
                    passwords=passwords,
                    tls=renewal.tls,
                    own_accounts=spec.own_accounts,
                )
                for serve in hooks.serving:
                    await serve(serving)
            host, port = addresses[0]
            stack.callback(forget_running, folder)
            note = OnlineNote(folder, connected, clock, is_shared=store.is_shared)
            stack.callback(note.forget)
            _run(stack, note.run())
            if not _could_note_running(folder, host, port):
                warn(
                    "address_not_noted",
                    consequence="until then, invite links use the address in the configuration",
                )
            _run(stack, _retry_failed_writes(folder, host, port))
            server = cls(
                f"https://{_reachable(host)}:{port}",
                api,
                renewal,
                hooks,
                audit,
                stack.pop_all(),
                last.pop_all(),
            )
        audit.record(AuditEvent.SERVER_STARTED, url=server.url, node=nodes.id)
        return server

    async def drain(self, hurry: asyncio.Event) -> None:
        """Answer that the server is not ready, for ``connections.drain_seconds`` or until ``hurry``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._api.drain()):
                await hurry.wait()

    async def stop(self) -> None:
        """Close every connection, write what is queued, and stop within five seconds."""
        async with self._last:
            await self._stack.aclose()
            self._audit.summarise()
            self._audit.record(AuditEvent.SERVER_STOPPED)

    def reload(self, settings: _Settings) -> list[str]:
        """Reload certificates and settings; returns the settings that need a restart.

        Raises SetupError, and keeps the old ones.
        """
        self._renewal.reload(settings.listen.names)
        for use in self._hooks.reloaded:
            use(settings)
        waiting = self._api.reload(settings)
        self._audit.record(AuditEvent.RELOADED, need_restart=", ".join(waiting))
        return waiting


class _Api(Generic[_Settings]):
    """The HTTPS API with the settings in force, which a reload replaces."""

    def __init__(
        self,
        spec: ProgramSpec[_Settings, Any],
        served: ServedProgram[_Settings, Any],
        parts: Parts[_Settings, Any],
        running: RunningProgram[_Settings],
        hooks: Hooks,
        operations: Operations,
        activity: SessionActivity,
        passwords: HashingPool,
    ) -> None:
        self._spec = spec
        self._parts = parts
        self._running = running
        self._hooks = hooks
        self._operations = operations
        self._activity = activity
        self._passwords = passwords
        self._settings = parts.settings
        added = (one.error_answers for one in served_by(spec.capabilities))
        answers = {kind: answer for found in (*added, served.error_answers) for kind, answer in found.items()}
        self._problems = Problems(answers, served.error_statuses)
        self._health = HealthEndpoints(Readiness(parts.store, parts.clock, parts.nodes))
        connections = parts.settings.connections
        self._pace = BodyPace(connections.body_seconds, connections.body_bytes_per_second)
        self._app = self._make_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the current settings."""
        await self._app(scope, receive, send)

    def reload(self, settings: _Settings) -> list[str]:
        """Use new settings from now on; returns those that need a restart."""
        waiting = need_restart(self._settings, settings)
        self._settings = settings
        self._app = self._make_app()
        return waiting

    def drain(self) -> int:
        """Answer that the server is not ready from now on; returns for how many seconds it should wait."""
        self._health.readiness.is_draining = True
        return self._parts.settings.connections.drain_seconds

    def live_sessions(self) -> Sessions:
        """Return the sessions with the current settings."""
        parts = self._parts
        return Sessions(
            parts.store.sessions,
            parts.bus,
            parts.steady,
            parts.audit,
            self._settings.logins,
            self._activity,
            parts.limits,
            is_proof_required=self._hooks.after_password is not None
            and self._hooks.after_password.is_required,
        )

    def _make_app(self) -> ASGIApp:
        logins, rates = self._settings.logins, self._settings.rates
        names = (*self._settings.listen.names, self._spec.name.word)  # no password is based on these
        spec, parts = self._spec, self._parts
        store, audit, clock, nodes = parts.store, parts.audit, parts.clock, parts.nodes
        sessions = self.live_sessions()
        throttle = LoginThrottle(store.attempts, clock, logins)
        tickets = RequestRates(
            clock,
            nodes,
            parts.hits,
            "logins.tickets_per_session",
            per_minute=logins.tickets_per_session,
            burst=logins.tickets_per_session,
        )
        https_rates = partial(
            RequestRates,
            clock,
            nodes,
            parts.hits,
            "rates.http_per_minute",
            per_minute=rates.http_per_minute,
            burst=rates.http_burst,
        )
        by_account, by_address = https_rates(), https_rates()
        guard = RequestGuard(sessions, self._pace, by_account, self._operations, parts.hooks.content_filter)
        after_password = self._hooks.after_password
        reauthentication = Reauthentication(store.accounts, self._passwords, throttle, after_password)
        login = LoginService(store.accounts, sessions, self._passwords, throttle, audit, after_password)
        accounts = AccountEndpoints(
            guard,
            Registration(
                store.accounts,
                self._passwords,
                clock,
                audit,
                names,
                refuse_reserved=spec.refuse_reserved,
                account_made=partial(spec.account_made, store, parts.bus, clock),
            ),
            login,
            Tickets(store.tickets, tickets, audit, parts.steady, seconds=logins.ticket_seconds),
            PasswordChanger(store.accounts, sessions, self._passwords, reauthentication, audit, names),
            parts.steady,
        )
        return make_api(
            self._operations,
            {
                **self._hooks.handlers,
                **{
                    name: handler
                    for made in self._hooks.account_handlers
                    for name, handler in made(guard, login, reauthentication).items()
                },
                **self._running.handlers(self._settings, guard, reauthentication),
                **accounts.handlers,
                **self._health.handlers,
            },
            guard,
            self._problems,
            by_address,
            audit,
        )


async def _retry_failed_writes(folder: DataFolder, host: str, port: int) -> None:
    """Retry the writes that a full disk prevented at the start."""
    while True:
        keep_reserve(folder)
        if not folder.running.exists():
            _could_note_running(folder, host, port)
        await asyncio.sleep(_RETRY_EVERY)


def _could_note_running(folder: DataFolder, host: str, port: int) -> bool:
    """Record the address of this process; False when the disk is full."""
    try:
        note_running(folder, host, port)
    except SetupError:
        return False
    return True


def _run(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` until the stack is closed."""
    task = asyncio.get_running_loop().create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    stack.push_async_callback(end)


async def _within(close: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except TimeoutError:
        log("connections_closed_late")


def _reachable(host: str) -> str:
    return "localhost" if is_unspecified(host) else in_url(host)
