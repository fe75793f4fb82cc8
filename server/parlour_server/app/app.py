"""``App``: a whole program from a few handlers, with its protocol, its server and its commands.

What it leaves out is safe: every request is counted as a message, every account needs an invite, every
connection and every HTTPS operation a session, and the server listens on loopback. A program that forgets a
request does not start.

Importing it loads no server, which `--help` does not need, and neither hashlib nor secrets: with them OpenSSL
reads its configuration before `run` names it (`core/net/tls_groups.py`), and Python has to be started twice.
"""

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import click
import msgspec

from parlour_protocol.kit.errors import ErrorCode, ProgramError
from parlour_protocol.kit.frames import Greeting, Hello, Push, Request
from parlour_protocol.kit.ids import ConnectionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.wire import Wire
from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import Capability
from parlour_server.app.log.log import Entry, EntryCommitted, LogAdvanced, LogRecord
from parlour_server.app.program_log import ProgramLog, RunningLog
from parlour_server.app.roles import ROLES, Roles
from parlour_server.capabilities import CAPABILITIES
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.connections.budgets import Budget, Budgets
from parlour_server.core.connections.error_boundary import is_cancelled
from parlour_server.core.connections.peer import Peer, Subscription
from parlour_server.core.connections.topics import Topic
from parlour_server.core.https.mount import Mount
from parlour_server.core.https.operations import Operation, Operations
from parlour_server.core.output import log_fault
from parlour_server.core.program import Pending, Result
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.records import RoleChanged
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.cli.role_command import role_command

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request as HttpsRequest
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from parlour_protocol.kit.inspect import Inspector
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.parts import Parts
    from parlour_server.app.program_store import ProgramStore
    from parlour_server.core.https.operations import Handler
    from parlour_server.core.https.request_guard import RequestGuard
    from parlour_server.core.store.engine.connection import Engine
    from parlour_server.core.store.schema import Schema

_Q = TypeVar("_Q", bound=Request)
_S = TypeVar("_S")
_B = TypeVar("_B")
_L = TypeVar("_L")
_Settings = TypeVar("_Settings", bound=Settings)
_Store = TypeVar("_Store", bound="ProgramStore")
_Work = TypeVar("_Work", bound=Callable[[], Awaitable[None]])
_Handler = Callable[[Peer[_S], _Q], Result | Awaitable[Result | Pending[Any]] | Pending[Any]]
_Greets = Callable[[Peer[_S]], Greeting | Awaitable[Greeting | None] | None]
_H = TypeVar("_H")
_Allowed = tuple[_H, frozenset[str] | None]
"""A handler, and the roles that may ask for it; None: everyone."""
_MakeApp = TypeVar("_MakeApp", bound="Callable[[], ASGIApp]")
_Endpoint = Callable[["HttpsRequest", "RequestGuard"], Awaitable["Response"]]

RESTART_SECONDS: Final = 1.0
"""Before background work that failed begins again."""


class App(BaseApp[Any, Any], Generic[_S]):
    """A program made of handlers. ``_S`` is its own state of a connection, None without ``state``.

    What few programs need is for a subclass to say: the names below, and the methods of ``BaseApp``.
    """

    title: str = ""
    """In sentences; the word of the wire, capitalised, if empty."""
    about: str = ""
    """The first line of `--help`."""
    package: str = ""
    """The distribution whose version `--version` shows."""

    def __init__(
        self,
        wire: Wire[Any, Any],
        *,
        messages_per_minute: int | None = None,
        budgets: Budgets = MappingProxyType({}),
        state: "Callable[[Peer[Any]], _S] | None" = None,
        settings: type[Settings] = Settings,
        store: "type[ProgramStore] | None" = None,
        capabilities: Sequence[Capability] = CAPABILITIES,
        commands: Sequence[click.Command] = (),
        roles: Sequence[str] = ROLES,
        inspectors: "Sequence[Inspector]" = (),
        command: str = "",
    ) -> None:
        """Describe a program; ``main`` runs its commands.

        The name of ``wire``, such as `ticker.v1`, names everything else, too. ``messages_per_minute`` is the
        default of the setting, for each account. ``budgets`` has what does not count as a message, besides
        the wire's reads.

        ``settings`` are those of every server and sections of the program's own. ``store`` has tables of
        its own (``ProgramStore``). ``capabilities`` are what the server can do beside its core
        (`parlour_server/capabilities/`). ``commands`` are more words of the command line; their options and
        the open store come from `host/cli/command_options.py`. ``roles`` are those of accounts, the lowest,
        which everyone has, first (``Roles``).
        ``inspectors`` look at every request, besides those that the operator turns on: functions of a
        module, which run in a process of their own; without a capability that runs them the server does not
        start. ``command`` is what operators run.

        Raises ProgramError.
        """
        word = wire.word
        if messages_per_minute is not None:
            settings = _with_messages(settings, messages_per_minute)
        super().__init__(
            ProgramName(word, self.title or word.capitalize(), command or f"{word}-server"),
            settings,
            capabilities,
        )
        self._wire = wire
        self._store = store
        self.commands = (*commands, role_command)
        self.roles: Final = Roles(roles)
        """Looks roles up, and gives them."""
        self.invite_roles = self.roles.names
        self.inspectors = tuple(inspectors)
        self._state: Callable[[Peer[Any]], Any] = state or _no_state
        self.budgets: Final[Budgets] = {**dict.fromkeys(wire.reads, Budget.READ), **budgets}
        self._handlers: dict[type[Request], _Allowed[_Handler[_S, Any]]] = {}
        self._endpoints: dict[Operation, _Allowed[_Endpoint]] = {}
        self._greets: _Greets[_S] | None = None
        self._background: list[Callable[[], Awaitable[None]]] = []
        self._logs: dict[str, ProgramLog[Any, Any]] = {}
        self._running: _RunningApp[_S] | None = None

    @property
    def wire(self) -> Wire[Any, Any]:
        """The frames between its clients and its server."""
        return self._wire

    def on(
        self, kind: type[_Q], *, role: str | None = None
    ) -> Callable[[_Handler[_S, _Q]], _Handler[_S, _Q]]:
        """Handle requests of this kind: return the result, or None, or raise RefusedError.

        ``role`` is the lowest role whose accounts may ask, and has to be said. Others are refused before the
        handler runs; what it appends is refused if the role was taken away by then, and what it adds the peer
        to ends with it.

        The requests of one connection are handled one after the other. Each gets exactly one answer. Raises
        ProgramError for a kind that is not among the program's requests, or has a handler, or without a role.
        """
        if kind not in self.wire.requests:
            raise ProgramError(f"{kind.__name__} is not one of the requests of {self.wire.subprotocol}")
        if kind in self._handlers:
            raise ProgramError(f"{kind.__name__} has a handler already")
        needed = self.roles.needed(kind.__name__, role)

        def add(handler: _Handler[_S, _Q]) -> _Handler[_S, _Q]:
            self._handlers[kind] = handler, needed
            return handler

        return add

    def greets(self, greet: _Greets[_S]) -> _Greets[_S]:
        """Send what this returns as the first frame of a connection; None ends the connection."""
        if self._greets is not None:
            raise ProgramError(f"{self.wire.subprotocol} has a greeting already")
        self._greets = greet
        return greet

    def background(self, work: _Work) -> _Work:
        """Run this while the server runs. If it fails, that is logged, and it begins again.

        It waits with ``app.clock.sleep``, so that a test can let time pass (`testing/clock.py`).
        """
        self._background.append(work)
        return work

    def operation(self, row: Operation, *, role: str | None = None) -> Callable[[_Endpoint], _Endpoint]:
        """Handle calls of an operation of the HTTPS API. They need a session, unless the row says otherwise.

        With a session ``role`` is as in ``on``; it is looked up again after a body, which may take minutes.

        The handler gets the request and the ``RequestGuard``, which reads its body; it returns ``answer(…)``
        or ``nothing()`` of `core/https/problems.py`, or raises RefusedError. ``session_of(request)`` says who
        asks. Raises ProgramError for a second handler, without a role, or with one that no session has.
        """
        needed = self._needed(row.name, role, session=row.session)

        def add(endpoint: _Endpoint) -> _Endpoint:
            if row in self._endpoints:
                raise ProgramError(f"{row.name} has a handler already")
            self._endpoints[row] = endpoint, needed
            return endpoint

        return add

    def mount(
        self, path: str, *, role: str | None = None, session: bool = True
    ) -> Callable[[_MakeApp], _MakeApp]:
        """Serve an ASGI app of your own under this path; the function makes it when the server starts.

        Its requests need a session, of which ``session_of(request)`` tells, and a ``role`` as in
        ``operation``, unless anyone may make them. It answers within half a minute and without cookies
        (`core/https/mounted_app.py`). Raises ProgramError for a path that is taken, and as ``operation``.
        """
        needed = self._needed(path, role, session=session)

        def add(make: _MakeApp) -> _MakeApp:
            made = Mount(path, make, session, self._refusing(needed))
            if not all(
                made.is_beside(other) for other in (self.wire.path, *(row.path for row in self.mounts))
            ):
                raise ProgramError(f"{path} is taken")
            self.mounts = (*self.mounts, made)
            return make

        return add

    @property
    def clock(self) -> Clock:
        """The server's clock, which tests replace. Only while the server runs, as all that follows."""
        return self._running_now().parts.clock

    def settings(self, kind: type[_Settings]) -> _Settings:
        """Return the settings in force, of the ``kind`` that the program has.

        After SIGHUP they are new ones, but for those that need a restart. Raises ProgramError for another
        kind.
        """
        return _checked(kind, self._running_now().parts.settings)

    def store(self, kind: "type[_Store]") -> _Store:
        """Return the open store, of the ``kind`` that the program has. Raises ProgramError for another."""
        return _checked(kind, self._running_now().parts.store)

    def topic(self, name: str) -> Topic:
        """Return the topic of this name, to add peers to or to publish to."""
        return self._running_now().parts.topics.topic(name)

    def log(
        self,
        kind: str,
        *,
        body: type[_B] | UnionType,
        state: type[_L] | UnionType,
        push: Callable[[Entry[_B]], Push] | None = None,
        summary: Callable[[LogRecord[_L]], Push | None] | None = None,
    ) -> ProgramLog[_B, _L]:
        """Return the logs of this kind, each with numbered entries (``body``) and a ``state``.

        ``push`` makes what everyone who follows a log gets for a new entry, ``summary`` what everyone who
        follows the list gets for a log that has changed; None for a change that the list does not show.
        Where a union is given, annotate what this returns: `ProgramLog[Act, State]`. Raises ProgramError for
        a kind that is there already.
        """
        if kind in self._logs:
            raise ProgramError(f"{self.wire.subprotocol} has logs of the kind {kind} already")
        made = self._logs[kind] = ProgramLog(kind, body, state, push, summary)
        return made

    def _needed(self, what: str, role: str | None, *, session: bool) -> frozenset[str] | None:
        if session:
            return self.roles.needed(what, role)
        if role is not None:
            raise ProgramError(f"{what} needs no session, so no one who calls it has the role {role}")
        return None

    def _running_now(self) -> "_RunningApp[_S]":
        if self._running is None:
            raise ProgramError(f"the server of {self.wire.subprotocol} does not run")
        return self._running

    def check(self) -> None:
        """Raise ProgramError for a program that is not complete."""
        missing = ", ".join(
            kind.__name__
            for kind in self.wire.requests
            if not kind.answered_by_server and kind not in self._handlers
        )
        if missing:
            raise ProgramError(
                f"{self.wire.subprotocol} has no handler for {missing}: write @app.on(…, role=…)"
            )
        if self._greets is None and self.wire.greeting is not Hello:
            raise ProgramError(f"{self.wire.greeting.__name__} is sent by no one: write @app.greets")
        Operations(tuple(self._endpoints))
        if self._store is not None:
            self._store.check_revisions()

    def operations(self) -> tuple[Operation, ...]:
        """Return those of the HTTPS API that have a handler here."""
        return tuple(self._endpoints)

    def _store_type(self) -> "type[ProgramStore]":
        from parlour_server.app.program_store import ProgramStore  # noqa: PLC0415 - see the module's docstring

        return self._store or ProgramStore

    def own_schema(self) -> "Schema":
        """Return the schema of the kit's tables and those of the program's store."""
        return self._store_type().schema(self.name)

    def make_store(
        self, place: "Path | Engine", clock: Clock, *, tells_by_bus: bool = False
    ) -> "ProgramStore":
        """Return the store, not open yet."""
        return self._store_type()(place, self.name, clock, tells_by_bus=tells_by_bus)

    def account_data(self) -> "AccountData[Any] | None":
        """Return what deletes and exports what logs have of an account: override it for tables of its own."""
        from parlour_server.app.log_account_data import LOG_ACCOUNT_DATA  # noqa: PLC0415 - for two commands

        return LOG_ACCOUNT_DATA

    async def account_facts(self, store: "ProgramStore") -> Mapping[UserName, Mapping[str, Any]]:
        """Return the roles that are not the lowest."""
        found = {user: self.roles.known(role) for user, role in (await store.accounts.roles()).items()}
        return {user: {"role": role} for user, role in found.items() if role != self.roles.names[0]}

    def main(self) -> None:
        """Run the command line and exit: init, run, invite, user, session, doctor, backup and more."""
        self.check()
        name = self.name
        example = "\n".join(
            [
                "\b\nExample:",
                f"  {name.command} init --data ~/{name.word} --name {name.word}.example.org",
                f"  {name.command} run --data ~/{name.word} --listen 0.0.0.0:8443",
                f"  {name.command} invite create --data ~/{name.word} --uses 5",
            ]
        )
        CommandLine(
            name,
            lambda: self,
            about=self.about or f"Run and administer {_a(name.title)} server.",
            example=example,
            package=self.package,
            commands=self.commands,
            capabilities=self.capabilities,
        ).main()

    async def start(self, parts: "Parts[Any, ProgramStore]") -> "_RunningApp[_S]":
        """Start with a server. Raises ProgramError if one runs in this process already."""
        if self._running is not None:
            raise ProgramError(f"a server of {self.wire.subprotocol} runs in this process already")
        refuses = {
            kind: partial(self.roles.refuse, needed)
            for kind, (_, needed) in self._handlers.items()
            if needed is not None
        }
        logs = tuple(log.begin(parts, refuses) for log in self._logs.values())
        self.roles.begin(parts)
        running = self._running = _RunningApp(
            parts, self.wire, self._handlers, self.roles, self._greets, self._state, self.budgets, logs
        )
        parts.stack.callback(self._stopped)
        for log in logs:
            parts.run(log.positions.run())
        for work in self._background:
            parts.run(_repeated(work, parts.clock))
        parts.hooks.handlers.append(self._guarded)
        return running

    def _guarded(self, guard: "RequestGuard", *_: object) -> Mapping[str, "Handler"]:
        return {row.name: self._endpoint(*how, guard) for row, how in self._endpoints.items()}

    def _refusing(self, needed: frozenset[str] | None) -> "Callable[[HttpsRequest], Awaitable[None]]":
        async def refuse_others(request: "HttpsRequest") -> None:
            if needed is not None:
                await self.roles.refuse_others(request.state.session.user, needed)

        return refuse_others

    def _endpoint(
        self, endpoint: _Endpoint, needed: frozenset[str] | None, guard: "RequestGuard"
    ) -> "Handler":
        refuse_others = self._refusing(needed)
        guard = dataclasses.replace(guard, also=refuse_others)

        async def handle(request: "HttpsRequest") -> "Response":
            await refuse_others(request)
            return await endpoint(request, guard)

        return handle

    def _stopped(self) -> None:
        self._running = None


class _RunningApp(Generic[_S]):
    """The program of an ``App`` while its server runs."""

    audited = frozenset({ErrorCode.FORBIDDEN})

    def __init__(
        self,
        parts: "Parts[Any, ProgramStore]",
        wire: Wire[Any, Any],
        handlers: "Mapping[type[Request], _Allowed[_Handler[_S, Any]]]",
        roles: Roles,
        greets: _Greets[_S] | None,
        state: Callable[[Peer[Any]], _S],
        budgets: Budgets,
        logs: Sequence[RunningLog[Any, Any]],
    ) -> None:
        self.parts = parts
        self.wire = wire
        self.budgets = budgets
        self._state = state
        self._handlers = handlers
        self._roles = roles
        self._greets = greets
        self._logs = logs
        self._by_role: dict[ConnectionId, dict[Subscription, frozenset[str]]] = {}
        """What connections get by requests that not everyone may make, and who may."""

    def state(self, peer: Peer[_S]) -> _S:
        return self._state(peer)

    async def greet(self, peer: Peer[_S]) -> Greeting | None:
        sessions = await self.parts.store.sessions.list(peer.user, self.parts.steady.now())
        if all(session.id != peer.session for session in sessions):
            return None
        if self._greets is None:
            return Hello(
                server=self.parts.server,
                user=peer.user,
                device=peer.device,
                session=peer.session,
                now=self.parts.clock.now(),
            )
        greeting = self._greets(peer)
        return await greeting if inspect.isawaitable(greeting) else greeting

    def greeted(self, peer: Peer[_S]) -> None:
        """Do nothing more."""

    def handle(
        self, peer: Peer[_S], request: Request
    ) -> Result | Awaitable[Result | Pending[Any]] | Pending[Any]:
        handler, needed = self._handlers[type(request)]
        return handler(peer, request) if needed is None else self._allow(peer, request, handler, needed)

    async def _allow(
        self, peer: Peer[_S], request: Request, handler: _Handler[_S, Any], needed: frozenset[str]
    ) -> Result | Pending[Any]:
        """Handle a request that not everyone may make. Raises RefusedError."""
        await self._roles.refuse_others(peer.user, needed)
        with self._ending_with_role(peer, needed):
            handled = handler(peer, request)
            if not isinstance(handled, Pending) and inspect.isawaitable(handled):
                handled = await handled
        if isinstance(handled, Pending):
            handled.result = partial(self._result, peer, needed, handled.result)
        return handled

    def _result(
        self, peer: Peer[_S], needed: frozenset[str], result: Callable[[Any], Result], done: object
    ) -> Result:
        with self._ending_with_role(peer, needed):
            return result(done)

    @contextmanager
    def _ending_with_role(self, peer: Peer[_S], needed: frozenset[str]) -> Iterator[None]:
        """Let what the peer is added to here end when the account has none of these roles."""
        before = peer.topics
        try:
            yield
        finally:
            if added := peer.topics - before:
                self._by_role.setdefault(peer.id, {}).update(dict.fromkeys(added, needed))
                self._look_at_role(peer.user)  # it may have been taken away meanwhile

    def _look_at_role(self, user: UserName) -> None:
        self.parts.background.retry_until_done(
            "what a role gave", partial(self._end_by_role, user), lambda: None
        )

    async def _end_by_role(self, user: UserName) -> None:
        """End what the account gets by a role that it has no more."""
        role = await self.parts.store.accounts.role(user)
        for peer in self.parts.connected.of(user):
            got = self._by_role.get(peer.id, {})
            peer.remove(*(topic for topic, needed in got.items() if role not in needed))

    def about(self, request: Request) -> Mapping[str, str | None]:
        del request  # nothing in it is known
        return {}

    def notice(self, notice: object) -> None:
        """Publish what another server appended to a log."""
        if isinstance(notice, EntryCommitted):
            for log in self._logs:
                log.committed(notice)

    def journal(self, entry: object) -> None:
        """Publish what a command appended; end what someone gets by a role that they have no more."""
        if isinstance(entry, RoleChanged):
            self._look_at_role(entry.user)
        if isinstance(entry, LogAdvanced):
            for log in self._logs:
                log.advanced(entry)

    def closed(self, peer: Peer[_S]) -> None:
        """Forget what it got: a peer that closes has left its topics."""
        self._by_role.pop(peer.id, None)


def _a(title: str) -> str:
    return f"{'an' if title[:1] in 'AEIOU' else 'a'} {title}"


def _no_state(_peer: Peer[Any]) -> None:
    return


_T = TypeVar("_T")


def _checked(kind: type[_T], value: object) -> _T:
    if not isinstance(value, kind):
        raise ProgramError(f"the program has no {kind.__name__}: give it to App(…)")
    return value


async def _repeated(work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    while True:
        try:
            await work()
        except GeneratorExit:
            raise
        except BaseException as error:  # sys.exit() in it must not end the server
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            log_fault(f"background work {getattr(work, '__name__', work)}", error)
        else:
            return
        await clock.sleep(RESTART_SECONDS)


def _with_messages(settings: type[_Settings], per_minute: int) -> type[_Settings]:
    """Return these settings with another default of ``rates.messages_per_minute``."""
    rates = type(settings().rates)
    kinds = {field.name: field.type for field in msgspec.structs.fields(rates)}
    burst = min(rates().message_burst, per_minute)
    fewer = msgspec.defstruct(
        rates.__name__,
        [
            ("messages_per_minute", kinds["messages_per_minute"], per_minute),
            ("message_burst", kinds["message_burst"], burst),
        ],
        bases=(rates,),
        namespace={"__doc__": rates.__doc__},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return cast(
        "type[_Settings]",
        msgspec.defstruct(
            settings.__name__,
            [("rates", fewer, fewer())],
            bases=(settings,),
            frozen=True,
            kw_only=True,
            forbid_unknown_fields=True,
        ),
    )
