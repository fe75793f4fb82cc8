"""One run of servers whose people follow logs of a program of the kit, as a seed decides.

The real log, fan-out and topics run over a database and a bus that delay and fail.
"""

import random
import secrets
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest.mock import patch

import msgspec
from tests.server.shop_database import SCHEMA
from tests.simulation.bus import Network, SimulatedBus
from tests.simulation.loop import Scheduler
from tests.simulation.node import VirtualClock
from tests.simulation.store import Database, SimulatedReaders, SimulatedWriter
from tests.simulation.world import PROGRESS_SECONDS, Plan, is_unforeseen

from parlour_protocol.kit.frames import Push
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import parse_user_name
from parlour_server.app.log.log import Entry, EntryCommitted, Facts
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.program_log import RunningLog
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.peer import Subscription
from parlour_server.core.connections.topics import Topics
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import captured

_NAMES: Final = ("one", "two")


class Grew(Push, frozen=True, tag="grew"):
    """A log has one more entry."""

    seq: Count


def _push(entry: Entry[int]) -> Grew:
    return Grew(seq=entry.seq)


def _count(facts: Facts[int]) -> int:
    return facts.head + 1


class LogNode:
    """A server of a program with logs."""

    def __init__(self, world: "LogWorld") -> None:
        scheduler = world.scheduler
        self.loop = scheduler.new_loop()
        self.bus = SimulatedBus(world.network, self.loop)
        clock, faults, database = VirtualClock(scheduler), world.plan.store, world.database
        writer = SimulatedWriter(scheduler, self.loop, clock, faults, database)
        readers = SimulatedReaders(scheduler, clock, faults, database)
        store: Any = SimpleNamespace(
            open_log=lambda kind: StoredLog(writer, readers, clock, kind), is_shared=True
        )
        self.logs: TypedLog[int, int] = TypedLog(store, "count", int, int)
        parts: Any = SimpleNamespace(
            store=store,
            clock=clock,
            topics=Topics(self.loop, 0.013, frozenset({Grew}), self.bus),
            background=BackgroundTasks(),
            bus=self.bus,
        )
        self.running: RunningLog[int, int] = RunningLog("count", self.logs, _push, None, parts)
        self.bus.subscribe(self._notified)
        self.loop.create_task(self.running.positions.run())

    def _notified(self, notice: object) -> None:
        if isinstance(notice, EntryCommitted):
            self.running.committed(notice)

    async def append(self, name: str, request: RequestId) -> None:
        """Append, as `ProgramLog` does."""
        with suppress(UnavailableError):
            await self.logs.append_own(request, name, 1, _count)


class Follower:
    """A peer that follows one log, and checks what it gets."""

    def __init__(self, world: "LogWorld", node: LogNode, name: str) -> None:
        self.closed = False
        self.name = name
        self.user = parse_user_name("ana")
        self.read = 0
        """The head when it began: it reads pages up to there."""
        self.pushed: int | None = None
        self._topics: list[Subscription] = []
        self._world = world
        self._node = node

    async def follow(self) -> None:
        """Follow, then read the log."""
        try:
            await self._node.running.follow(cast("Any", self), self.name)
            self.read = (await self._node.logs.heads((self.name,)))[self.name]
        except UnavailableError:
            self.leave()

    @property
    def last(self) -> int:
        """The last entry that it has."""
        return max(self.read, self.pushed or 0)

    def add(self, topic: Subscription) -> None:
        self._topics.append(topic)
        topic.add(cast("Any", self))

    def write_unchecked(self, wire: bytes) -> None:
        while wire:
            size = wire[1]
            seq = msgspec.json.decode(wire[2 : 2 + size])["seq"]
            wire = wire[2 + size :]
            self._world.frames += 1
            if self.pushed is not None and seq != self.pushed + 1:
                self._world.violations.append(f"entry {seq} of {self.name} came after {self.pushed}")
            elif self.pushed is None and self.read and seq > self.read + 1:
                self._world.violations.append(f"entry {seq} of {self.name} came first, after {self.read}")
            self.pushed = seq

    def fail(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Leave all topics."""
        self.closed = True
        for topic in self._topics:
            topic.remove(cast("Any", self))


class LogWorld:
    """A database with logs, servers on it, and followers."""

    def __init__(self, seed: int) -> None:
        self.scheduler = Scheduler(seed)
        self.plan = Plan.of(self.scheduler.random)
        self.network = Network(self.scheduler, self.plan.bus)
        self.database = Database(SCHEMA, is_shared=True)
        self.violations: list[str] = []
        self.frames = 0
        self.nodes: list[LogNode] = []
        self.followers: list[Follower] = []
        self._requests = 0

    def run(self) -> None:
        """Run the plan, then mend everything, and compare."""
        chance = self.scheduler.random
        with ExitStack() as stack:
            stack.enter_context(patch.object(secrets, "token_urlsafe", lambda _=16: f"{chance.random()}"))
            stack.enter_context(patch.object(random, "uniform", chance.uniform))
            log = stack.enter_context(captured())
            self.nodes = [LogNode(self) for _ in range(max(2, self.plan.nodes))]
            for _ in range(self.plan.actions):
                self.scheduler.after(0.0, self.plan.seconds, self._act)
            self.scheduler.run_until(self.plan.seconds)
            self._heal()
            self.scheduler.run_until(self.plan.seconds + PROGRESS_SECONDS)
            for follower in self.followers:
                query = "SELECT head FROM logs WHERE log = ?"
                head = next(iter(self.database.column(query, f"count:{follower.name}")), 0)
                if not follower.closed and follower.last != head:
                    self.violations.append(f"a follower has {follower.name} up to {follower.last} of {head}")
            self.violations += self.scheduler.faults
            self.violations += [f"a fault: {event}" for event in log if is_unforeseen(event)]
            self.scheduler.close()

    def _act(self) -> None:
        chance = self.scheduler.random
        node, name = chance.choice(self.nodes), chance.choice(_NAMES)
        followers = [follower for follower in self.followers if not follower.closed]
        what = chance.choices(("append", "follow", "leave", "bus", "stop"), (12, 4, 2, 2, 1))[0]
        if what == "append":
            self._requests += 1
            request = RequestId(f"request-{self._requests:014d}")
            self.scheduler.at(
                self.scheduler.now,
                node.loop,
                lambda: node.loop.create_task(node.append(name, request)),
            )
        elif what == "follow":
            follower = Follower(self, node, name)
            self.followers.append(follower)
            self.scheduler.at(self.scheduler.now, node.loop, lambda: node.loop.create_task(follower.follow()))
        elif what == "leave" and followers:
            gone = chance.choice(followers)
            self.scheduler.at(self.scheduler.now, node.loop, gone.leave)
        elif what == "bus" and self.plan.bus_disconnects:
            node.bus.disconnect()
            self.scheduler.after(0.05, 1.0, node.bus.connect)
        elif what == "stop" and self.plan.stops:
            node.loop.stopped_until = self.scheduler.now + chance.uniform(0.05, 1.0)

    def _heal(self) -> None:
        plan = self.plan
        plan.bus.drop = plan.bus.repeat = plan.store.read_fails = plan.store.write_fails = 0.0
        plan.bus.delay, plan.store.delay = 0.0005, 0.002
        for node in self.nodes:
            node.bus.connect()
            node.loop.stopped_until = 0.0


def run_logs(seed: int) -> LogWorld:
    """Run a seed."""
    world = LogWorld(seed)
    world.run()
    return world
