"""Whether this server is one of several, and what it knows of the others, among whom limits are shared out.

``Alone`` is a server by itself. A capability has the other kind (``Hooks.nodes``).
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from parlour_protocol.kit.ids import random_id
from parlour_protocol.kit.names import UserName
from parlour_server.core.store.records import NodeId

Watcher = Callable[[AbstractSet[UserName]], None]


class Nodes(Protocol):
    """The servers that share the work, as one of them sees them."""

    @property
    def id(self) -> NodeId:
        """Of this run of this server."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether there may be more servers."""
        ...

    @property
    def count(self) -> int:
        """How many servers share the limits, this one too."""
        ...

    @property
    def is_stale(self) -> bool:
        """Whether new connections should go elsewhere."""
        ...

    @property
    def is_cut_off(self) -> bool:
        """Whether everyone should go elsewhere."""
        ...

    def divided(self, limit: int) -> int:
        """Return this server's part of a limit, at least 1."""
        ...

    def connected(self, user: UserName, connections: int) -> None:
        """Record how many connections someone has here."""
        ...

    def set_status(self, user: UserName, status: str) -> None:
        """Record the status of someone here, for the other servers' ``statuses_elsewhere``."""
        ...

    def connections_elsewhere(self, user: UserName) -> int:
        """Return how many connections someone has at other servers, as of a second or two ago."""
        ...

    def statuses_elsewhere(self, user: UserName) -> set[str]:
        """Return someone's statuses at other servers."""
        ...

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher``, which must not raise, with the people who changed at other servers."""
        ...


class Alone:
    """A server by itself: every limit is its own, and nobody is elsewhere."""

    is_shared = is_stale = is_cut_off = False
    count = 1

    def __init__(self) -> None:
        self.id: Final = NodeId(random_id(9))

    def divided(self, limit: int) -> int:
        """Return the whole limit."""
        return max(1, limit)

    def connected(self, user: UserName, connections: int) -> None:
        """Do nothing: nobody asks."""

    def set_status(self, user: UserName, status: str) -> None:
        """Do nothing: nobody asks."""

    def connections_elsewhere(self, user: UserName) -> int:
        """Return none."""
        del user
        return 0

    def statuses_elsewhere(self, user: UserName) -> set[str]:
        """Return none."""
        del user
        return set()

    def watch(self, watcher: Watcher) -> None:
        """Do nothing: nobody changes elsewhere."""
