"""The parts of a server that its program and its capabilities get when it starts."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parlour_server.app.hooks import Hooks
from parlour_server.app.metrics import Metrics
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.audit import Audit
from parlour_server.core.bus.bus import Bus
from parlour_server.core.clock import Clock, SteadyClock
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.topics import Topics
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.https.operations import Operations
from parlour_server.core.live_nodes import Nodes
from parlour_server.core.quotas import Quotas

if TYPE_CHECKING:
    from parlour_protocol.kit.inspect import Inspector

_Settings = TypeVar("_Settings")
_Store = TypeVar("_Store")


@dataclass(slots=True, kw_only=True)
class Parts(Generic[_Settings, _Store]):
    """The parts of a server that its program uses. The store and the bus are open."""

    server: str
    """The host name by which people know it."""
    settings: _Settings
    """The settings in force; a reload replaces those that need no restart."""
    folder: DataFolder
    store: _Store
    bus: Bus
    clock: Clock
    steady: SteadyClock
    audit: Audit
    metrics: Metrics
    connected: ConnectedPeers[Any]
    nodes: Nodes
    quotas: Quotas
    hooks: Hooks
    """The hooks that capabilities have added. The program gives uploads to the content filter itself."""
    operations: Operations
    """The operations of the HTTPS API: every server's, the program's, and those of capabilities."""
    inspectors: "tuple[Inspector, ...]"
    """The program's own."""
    passwords: HashingPool
    activity: SessionActivity
    background: BackgroundTasks
    topics: Topics
    stack: AsyncExitStack
    """Closed when the server stops, after the last connection."""
    run: Callable[[Coroutine[Any, Any, None]], None]
    """Run work until the stack is closed."""
