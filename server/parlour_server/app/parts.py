"""What the composition root gives a program to start with, and what it gets back."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parlour_server.app.hooks import Hooks
from parlour_server.app.metrics import Metrics
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.audit import Audit
from parlour_server.core.bus.bus import Bus
from parlour_server.core.clock import Clock, SteadyClock
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.topics import Topics
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Nodes
from parlour_server.core.program import Program

if TYPE_CHECKING:
    from parlour_server.app.program_spec import ProgramSpec

_Settings = TypeVar("_Settings")
_Store = TypeVar("_Store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Generic[_Settings, _Store]):
    """The parts of a server that its program uses. The store and the bus are open."""

    spec: "ProgramSpec[Any, Any]"
    """The program whose server this is."""
    server: str
    """The host name by which people know it."""
    settings: _Settings
    folder: DataFolder
    store: _Store
    bus: Bus
    clock: Clock
    steady: SteadyClock
    audit: Audit
    metrics: Metrics
    hits: LimitHits
    """Counts what is refused over a limit."""
    connected: ConnectedPeers[Any]
    nodes: Nodes
    limits: AccountLimits
    """What the operator allows single accounts, in place of the settings."""
    hooks: Hooks
    """What capabilities have added. Uploads are the program's to give to the content filter."""
    background: BackgroundTasks
    topics: Topics
    stack: AsyncExitStack
    """Closed when the server stops, after the last connection."""
    run: Callable[[Coroutine[Any, Any, None]], None]
    """Run work until the stack is closed."""


def _no_handlers(
    _settings: object, _guard: RequestGuard, _reauthentication: Reauthentication
) -> Mapping[str, Handler]:
    return {}


@dataclass(frozen=True, slots=True)
class RunningProgram(Generic[_Settings]):
    """A started program: what connections speak with, and the handlers of its HTTPS operations."""

    program: Program[Any]
    handlers: Callable[[_Settings, RequestGuard, Reauthentication], Mapping[str, Handler]] = field(
        default=_no_handlers
    )
    """Return the handlers by the names of the operations; called again with new settings after a reload."""
