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

from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import prepare_all, served_by, start_all
from parlour_server.app.hooks import Opened, Serving
from parlour_server.app.kit_notices import KIT_NOTICES
from parlour_server.app.metrics import Metrics
from parlour_server.app.parts import Parts
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.session_watch import SessionWatch
from parlour_server.core.accounts.tickets import TicketRedemption
from parlour_server.core.addresses import in_url, is_unspecified
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import Clock, SteadyClock, SystemClock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.config.settings_table import need_restart, reloaded
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.connections.topics import Topics
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.live_nodes import Alone
from parlour_server.core.net.listener import BeforeTls, bind
from parlour_server.core.net.net_server import NetServer
from parlour_server.core.net.tls_groups import GROUP_LIST, taken_besides
from parlour_server.core.output import log, warn
from parlour_server.core.quotas import Quotas
from parlour_server.host.https_api import HttpsApi
from parlour_server.host.journal_follower import JournalFollower
from parlour_server.host.online import OnlineNote
from parlour_server.host.operator_changes import OperatorChanges
from parlour_server.host.pruner import Pruner
from parlour_server.host.setup.certificate_renewal import Renewal
from parlour_server.host.setup.disk_reserve import give_up_reserve, keep_reserve
from parlour_server.host.setup.folder_lock import locked
from parlour_server.host.setup.open_store import engine_for
from parlour_server.host.setup.operator_record_reader import OperatorRecordReader
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
        parts: Parts[_Settings, Any],
        api: HttpsApi[_Settings],
        renewal: Renewal,
        stack: AsyncExitStack,
    ) -> None:
        """``stack`` ends everything that runs, and then what records that."""
        self.url = url
        self.parts: Final = parts
        self._api = api
        self._renewal = renewal
        self._stack = stack

    @classmethod
    async def start(
        cls,
        app: BaseApp[_Settings, _Store],
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
        app.check()
        clock = clock or SystemClock()
        async with AsyncExitStack() as last, AsyncExitStack() as stack:
            parts = await _make_parts(app, folder, settings, clock, passwords, stack, last)
            hooks, store, audit = parts.hooks, parts.store, parts.audit
            renewal = Renewal(folder, settings.listen.names, clock)
            if others := taken_besides(renewal.tls.context):
                do = f"set Groups = {GROUP_LIST} in the file that OPENSSL_CONF names"
                warn("weak_groups", taken=", ".join(others), do=do)
            await start_all(app.capabilities, parts)
            app.refuse_ignored(hooks)
            if hooks.after_password is None and (shut_out := await store.accounts.count_needing_proof()):
                do = "list the capability again that asks for more than their passwords"
                warn("accounts_shut_out", accounts=shut_out, do=do)
            store.writer.observer = parts.topics.deliveries.observer = hooks.observer
            service = ConnectionService(
                await app.start(parts),
                rates=settings.rates,
                connected=parts.connected,
                background=parts.background,
                bus=parts.bus,
                activity=parts.activity,
                audit=audit,
                clock=parts.clock,
                quotas=parts.quotas,
                extensions=Extensions(
                    content_filter=hooks.content_filter,
                    observer=hooks.observer,
                    answers=hooks.answers,
                    closed=hooks.closed,
                ),
            )
            stack.push_async_callback(_within, service.close)
            api = HttpsApi(app, parts)
            watch = SessionWatch(api.live_sessions, service.end_sessions, parts.steady)
            watch.compare(await store.sessions.newest_seen())
            stack.push_async_callback(watch.stop)
            net = NetServer(
                settings,
                sockets or await bind(settings.listen.address),
                renewal.tls,
                service,
                api,
                parts.operations.body_cap,
                TicketRedemption(
                    store.tickets,
                    store.sessions,
                    LoginThrottle(store.attempts, parts.clock, settings.logins),
                    parts.steady,
                ),
                BeforeTls(hooks.refused, hooks.balancer),
                audit,
                parts.quotas,
            )
            hooks.close_refused = net.close_refused
            stack.push_async_callback(net.stop)
            changes = OperatorChanges(hooks.read_again, service.journal)
            follower = JournalFollower(store.journal, changes.journal)
            await follower.begin()
            await changes.read_all()
            host, port = net.serve()[0]
            for work in (
                audit.run(),
                follower.run(),
                changes.run(),
                watch.run(),
                OperatorRecordReader(folder.operator_record).run(audit),
                renewal.run(),
                Pruner(store, parts.steady, app.schema.rules).run(),
            ):
                parts.run(work)
            serving = Serving(
                net=net,
                service=service,
                passwords=parts.passwords,
                tls=renewal.tls,
                own_accounts=app.own_accounts,
            )
            for serve in hooks.serving:
                await serve(serving)
            stack.callback(forget_running, folder)
            note = OnlineNote(folder, parts.connected, parts.clock, is_shared=store.is_shared)
            stack.callback(note.forget)
            parts.run(note.run())
            if not _could_note_running(folder, host, port):
                warn(
                    "address_not_noted",
                    consequence="until then, invite links use the address in the configuration",
                )
            parts.run(_retry_failed_writes(folder, host, port))
            last.callback(_record_stop, audit)
            last.push_async_exit(stack.pop_all())
            server = cls(f"https://{_reachable(host)}:{port}", parts, api, renewal, last.pop_all())
        audit.record(AuditEvent.SERVER_STARTED, url=server.url, node=parts.nodes.id)
        return server

    async def drain(self, hurry: asyncio.Event) -> None:
        """Answer that the server is not ready, for ``connections.drain_seconds`` or until ``hurry``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._api.drain()):
                await hurry.wait()

    async def stop(self) -> None:
        """Close every connection, write what is queued, and stop within five seconds."""
        await self._stack.aclose()

    def reload(self, settings: _Settings) -> list[str]:
        """Reload certificates and settings; returns the settings that need a restart.

        Raises SetupError, and keeps the old ones.
        """
        parts = self.parts
        self._renewal.reload(settings.listen.names)
        for use in parts.hooks.reloaded:
            use(settings)
        waiting = need_restart(parts.settings, settings)
        parts.settings = reloaded(parts.settings, settings)
        self._api.make_again()
        parts.audit.record(AuditEvent.RELOADED, need_restart=", ".join(waiting))
        return waiting


async def _make_parts(
    app: BaseApp[_Settings, _Store],
    folder: DataFolder,
    settings: _Settings,
    clock: Clock,
    passwords: HashingPool | None,
    stack: AsyncExitStack,
    last: AsyncExitStack,
) -> Parts[_Settings, _Store]:
    """Lock the folder, and open the store and the bus. Raises SetupError."""
    steady, metrics, logins = SteadyClock(clock), Metrics(), settings.logins
    engine = engine_for(app, folder, settings)
    store = app.make_store(engine, steady, tells_by_bus=True)
    passwords = passwords or HashingPool(
        threads=logins.hash_threads,
        queue=logins.hash_queue,
        per_address=logins.hash_queue_per_address,
    )
    stack.callback(passwords.close)
    give_up_reserve(folder)
    last.enter_context(locked(folder))
    # What refuses to start comes first: nothing is changed before, no certificate renewed.
    await store.open(app.schema)
    last.push_async_callback(store.close)
    if engine.unverified:
        warn("database_unverified", why=engine.unverified)
    run = partial(_run, stack)
    opened = Opened(
        folder=folder,
        settings=settings,
        engine=engine,
        store=store,
        clock=clock,
        steady=steady,
        metrics=metrics,
        notices=(*KIT_NOTICES, *app.notices()),
        run=run,
        last=last,
    )
    hooks = await prepare_all(app.capabilities, opened)
    added = served_by(app.capabilities)
    events = (event for capability in added for event in capability.audit_events)
    repeatable = app.repeatable_events().union(*(capability.repeatable_events for capability in added))
    audit = Audit(clock, (*app.audit_events(), *events), repeatable, hooks.keepers)
    nodes, bus = hooks.nodes or Alone(), hooks.bus or LocalBus()
    await bus.open()
    stack.push_async_callback(bus.close)
    return Parts(
        server=name_of(settings),
        settings=settings,
        folder=folder,
        store=store,
        bus=bus,
        clock=steady if nodes.is_shared else clock,  # it follows the others'
        steady=steady,
        audit=audit,
        metrics=metrics,
        connected=ConnectedPeers(),
        nodes=nodes,
        quotas=Quotas(nodes),
        hooks=hooks,
        operations=app.all_operations(),
        inspectors=app.inspectors,
        passwords=passwords,
        activity=SessionActivity(steady),
        background=BackgroundTasks(),
        topics=Topics(asyncio.get_running_loop(), _TOPIC_SECONDS, frozenset(app.wire.pushes), bus),
        stack=stack,
        run=run,
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


def _record_stop(audit: Audit) -> None:
    audit.summarise()
    audit.record(AuditEvent.SERVER_STOPPED)


async def _within(close: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except TimeoutError:
        log("connections_closed_late")


def _reachable(host: str) -> str:
    return "localhost" if is_unspecified(host) else in_url(host)
