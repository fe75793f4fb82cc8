"""The places of a server where its capabilities act. A place that none uses costs nothing."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parlour_server.core.errors import SetupError

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from starlette.types import ASGIApp

    from parlour_protocol.kit.frames import Request
    from parlour_protocol.kit.names import UserName
    from parlour_server.app.metrics import Metrics
    from parlour_server.core.accounts.after_password import AfterPassword
    from parlour_server.core.accounts.login import LoginService
    from parlour_server.core.accounts.password_hashing import HashingPool
    from parlour_server.core.accounts.reauthentication import Reauthentication
    from parlour_server.core.accounts.registration import Registration
    from parlour_server.core.audit import Keeper
    from parlour_server.core.bus.bus import Bus, NoticeType
    from parlour_server.core.clock import Clock, SteadyClock
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.connections.peer import Peer
    from parlour_server.core.connections.service import ConnectionService
    from parlour_server.core.content_filter import ContentFilter, DevicePolicy
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.https.operations import Handler
    from parlour_server.core.https.request_guard import RequestGuard
    from parlour_server.core.kit_store import KitStore
    from parlour_server.core.live_nodes import Nodes
    from parlour_server.core.net.listener import Balancer
    from parlour_server.core.net.net_server import NetServer
    from parlour_server.core.net.tls_context import TlsFiles
    from parlour_server.core.observer import Observer
    from parlour_server.core.program import Result
    from parlour_server.core.store.engine.connection import Engine

    Handlers = Callable[[RequestGuard, LoginService, Reauthentication], Mapping[str, Handler]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The parts of a server that serves, besides those that its program has."""

    net: "NetServer"
    service: "ConnectionService[Any]"
    passwords: "HashingPool"
    tls: "TlsFiles"
    own_accounts: "Collection[UserName]"
    """The accounts of the program itself."""


@dataclass(slots=True)
class Hooks:
    """Each capability adds to them when it starts."""

    keepers: "list[Keeper]" = field(default_factory=list)
    """Keep the lines of the audit log, from the first to the last: to be added by ``Served.prepare``."""
    nodes: "Nodes | None" = None
    """The servers that share the limits with this one: to be set by ``Served.prepare``."""
    bus: "Bus | None" = None
    """Reaches other servers; not open yet: to be set by ``Served.prepare``."""
    refused: list[Callable[[str], bool]] = field(default_factory=list)
    """Asked for each accepted socket, before TLS: whether its plain address may not connect now."""
    close_refused: Callable[[], None] = lambda: None
    """Closes the connections of addresses that are refused now: to be called after that has changed."""
    balancer: "Balancer | None" = None
    """Asked for each accepted socket: what reads from it, before TLS, for whom a load balancer speaks."""
    read_again: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """Called at the start, and whenever the journal says that this has changed (``note_changed``)."""
    observer: "Observer | None" = None
    """Follows requests on their way, if a capability does."""
    serving: list[Callable[[Serving], Awaitable[None]]] = field(default_factory=list)
    """Called once, as soon as the server serves. Raises SetupError, which stops it."""
    around_api: "list[Callable[[ASGIApp], ASGIApp]]" = field(default_factory=list)
    """Return what answers in place of the HTTPS API that they get; the request has been counted."""
    handlers: "list[Handlers]" = field(default_factory=list)
    """Return the handlers of operations of the HTTPS API, by name; called again after a reload."""
    registration: "list[Callable[[Registration], object]]" = field(default_factory=list)
    """Get what creates accounts, for a capability that vouches for people; called again after a reload."""
    after_password: "AfterPassword | None" = None
    """Asks for more than the password."""
    reloaded: list[Callable[[Any], None]] = field(default_factory=list)
    """Called with the new settings at each reload, before the HTTPS API uses them."""
    answers: "dict[type[Request], Callable[[Peer[Any], Request], Result]]" = field(default_factory=dict)
    """Handle a request that the server answers for every program (``Request.answered_by_server``)."""
    closed: "list[Callable[[Peer[Any]], None]]" = field(default_factory=list)
    """Called for each connection that has ended."""
    content_filter: "ContentFilter | None" = None
    """Looks at a request or an upload before the program does; it runs ``BaseApp.inspectors``."""
    device_policy: "DevicePolicy | None" = None
    """The policy that people's own devices should follow (``BaseApp.tells_devices``)."""

    def set_after_password(self, after_password: "AfterPassword") -> None:
        """Have this ask for more than the password. Raises SetupError if another one does."""
        if self.after_password is not None:
            raise SetupError(
                "two capabilities ask for more than the password, and a server has one: remove one"
            )
        self.after_password = after_password

    def set_content_filter(self, content_filter: "ContentFilter") -> None:
        """Have this look at what people send. Raises SetupError: a second one would replace the first."""
        if self.content_filter is not None:
            raise SetupError("two capabilities look at what people send, and a server has one: remove one")
        self.content_filter = content_filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A server that has not made its parts yet: its folder is locked, and the store is open."""

    folder: "DataFolder"
    settings: "Settings"
    engine: "Engine"
    store: "KitStore"
    clock: "Clock"
    steady: "SteadyClock"
    metrics: "Metrics"
    notices: "tuple[NoticeType[Any], ...]"
    """The notifications that servers send each other."""
    run: Callable[[Coroutine[Any, Any, None]], None]
    """Run work until the server stops."""
    last: "AsyncExitStack"
    """Closed before the store, after everything that records what happens."""
    hooks: Hooks = field(default_factory=Hooks)
