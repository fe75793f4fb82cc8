"""The other servers that share a server's database: how many there are, and who is connected there.

Once a second each renews a lease, by the database's clock, writes whose connections changed since, and reads
what the others wrote. It needs no bus. Limits that one server counts in its memory are divided by the number
of servers; someone who is connected elsewhere counts against their limits and is seen as present.

It also sets this server's clock to the database's, so that servers whose clocks differ decide alike.
"""

import math
from contextlib import suppress
from typing import Final

from parlour_protocol.kit.ids import Millis, random_id
from parlour_protocol.kit.names import UserName
from parlour_server.capabilities.postgres.shared_nodes import NodesSeen, SharedNodes
from parlour_server.core.clock import SteadyClock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.live_nodes import Watcher
from parlour_server.core.output import log, log_fault, warn
from parlour_server.core.store.records import NodeId

BEAT_SECONDS: Final = 1.0
LEASE_SECONDS: Final = 6.0
"""How long a server that stopped without a word counts, and its people."""
SNAPSHOT_SECONDS: Final = 60.0
"""Between two readings of everything, which find what the readings of changes missed."""
STALE_SECONDS: Final = 5.0
"""Without a beat for so long a server is not ready for new connections."""


class LiveNodes:
    """The servers that share a database, as one of them sees them."""

    is_shared = True

    def __init__(
        self, nodes: SharedNodes, clock: SteadyClock, address: str, *, outage_seconds: float
    ) -> None:
        """``address`` is shown to operators.

        ``outage_seconds``: how long to wait for a database that does not answer.
        """
        self.id: Final = NodeId(random_id(9))
        """Of this run of this server."""
        self._nodes = nodes
        self._clock = clock
        self._address = address
        self._outage_seconds = outage_seconds
        self._live = frozenset({self.id})
        self._here: dict[UserName, tuple[int, str]] = {}
        self._unwritten: dict[UserName, tuple[int, str]] = {}
        self._elsewhere: dict[UserName, dict[NodeId, tuple[int, str]]] = {}
        self._watchers: tuple[Watcher, ...] = ()
        self._since: Millis | None = None
        self._complete_at = -math.inf
        self._beat_at = -math.inf
        self._failing = False

    @property
    def count(self) -> int:
        """How many servers share the limits, this one too."""
        return len(self._live)

    @property
    def is_stale(self) -> bool:
        """Whether the database has not answered lately: new connections should go elsewhere."""
        return self._seconds_since_beat > STALE_SECONDS

    @property
    def is_cut_off(self) -> bool:
        """Whether the database has not answered for so long that everyone should go elsewhere."""
        return self._seconds_since_beat > self._outage_seconds

    @property
    def _seconds_since_beat(self) -> float:
        return self._clock.monotonic() - self._beat_at

    def divided(self, limit: int) -> int:
        """Return this server's part of a limit, at least 1."""
        return max(1, limit // len(self._live))

    def connected(self, user: UserName, connections: int) -> None:
        """Record how many connections someone has here."""
        self._set(user, (connections, self._here.get(user, (0, ""))[1] if connections else ""))

    def set_status(self, user: UserName, status: str) -> None:
        """Record the status of someone here, for the other servers' ``statuses_elsewhere``."""
        if user in self._here:
            self._set(user, (self._here[user][0], status))

    def connections_elsewhere(self, user: UserName) -> int:
        """Return how many connections someone has at other servers, as of a second or two ago."""
        return sum(connections for connections, _ in self._elsewhere.get(user, {}).values())

    def statuses_elsewhere(self, user: UserName) -> set[str]:
        """Return someone's statuses at other servers."""
        return {status for _, status in self._elsewhere.get(user, {}).values() if status}

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher``, which must not raise, with the people who changed at other servers."""
        self._watchers = (*self._watchers, watcher)

    async def beat(self) -> None:
        """Renew the lease, write what changed here, read what changed elsewhere. Raises UnavailableError."""
        now = self._clock.monotonic()
        complete = now - self._complete_at >= SNAPSHOT_SECONDS
        written, self._unwritten = self._unwritten, {}
        try:
            seen = await self._nodes.renew(
                self.id,
                self._address,
                seconds=LEASE_SECONDS,
                everyone=dict(self._here),  # a copy: another thread reads it
                changed=written,
                since=None if complete else self._since,
            )
        except BaseException:
            self._unwritten = {**written, **self._unwritten}
            raise
        self._beat_at = self._clock.monotonic()
        if seen.is_complete:
            self._complete_at = now
        self._since = seen.now
        self._clock.follow(seen.now)
        self._note(seen)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            try:
                await self._try_to_beat()
            except Exception as error:  # noqa: BLE001 - the next one may work
                log_fault("renewing the lease", error)
            await self._clock.sleep(BEAT_SECONDS)

    async def _try_to_beat(self) -> None:
        try:
            await self.beat()
        except UnavailableError as error:
            if not self._failing:
                warn("database_unreachable", node=self.id, why=str(error))
            self._failing = True
            return
        if self._failing:
            log("database_reachable", node=self.id)
        self._failing = False

    async def leave(self) -> None:
        """Tell the others that this server stops."""
        with suppress(UnavailableError):  # its lease ends
            await self._nodes.leave(self.id)

    def _set(self, user: UserName, state: tuple[int, str]) -> None:
        if self._here.get(user, (0, "")) == state:
            return
        self._unwritten[user] = state
        if state[0]:
            self._here[user] = state
        else:
            self._here.pop(user, None)

    def _note(self, seen: NodesSeen) -> None:
        """Take over what was read, and tell the watchers."""
        live = seen.nodes | {self.id}
        ended = not self._live <= live
        if live != self._live:
            log("nodes", node=self.id, live=len(live))
        self._live = live
        fresh: dict[UserName, dict[NodeId, tuple[int, str]]] = {}
        for row in seen.accounts:
            fresh.setdefault(row.user, {})[row.node] = (row.connections, row.status)
        changed: set[UserName] = set()
        everyone = seen.is_complete or ended
        for user in fresh.keys() | self._elsewhere.keys() if everyone else fresh.keys():
            before = self._elsewhere.get(user, {})
            after = fresh.get(user, {}) if seen.is_complete else before | fresh.get(user, {})
            after = {node: state for node, state in after.items() if state[0] and node in seen.nodes}
            if after == before:
                continue
            changed.add(user)
            if after:
                self._elsewhere[user] = after
            else:
                del self._elsewhere[user]
        if changed:
            for watcher in self._watchers:
                watcher(changed)
