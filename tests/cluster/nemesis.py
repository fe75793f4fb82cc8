"""What goes wrong in a cluster, and when: a schedule drawn from a seed, and what carries it out.

The seed replays the schedule, not the timing of the processes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.cluster.proxy import Proxy
from tests.cluster.records import Outage
from tools.cluster.cluster import Cluster
from tools.cluster.front import Front
from tools.cluster.nats import Nats
from tools.cluster.node import Node
from tools.cluster.postgres import Postgres
from tools.cluster.process import ProcessError

HANG_UP: Final = "hang up"
"""The one fault for a cluster that others run: the clients of a node end their connections."""
NODE_KINDS: Final = (
    "cut clients",
    "delay clients",
    "half-open clients",
    "break clients",
    "kill node",
    "pause node",
    "restart node",
    "cut database",
    "delay database",
    "half-open database",
    "break database",
    "cut bus",
    "delay bus",
    "half-open bus",
    "break bus",
)
SHARED_KINDS: Final = (
    "kill database",
    "pause database",
    "kill NATS",
    "pause NATS",
    "roll restarts",
    "kill front",
    "fill disk",
    "kill everything",
)
_Part = Node | Postgres | Nats | Front
LINKS: Final = ("clients", "database", "bus")


@dataclass(frozen=True, slots=True)
class Step:
    """One fault."""

    at: float
    """Seconds after the beginning."""
    kind: str
    node: int
    """Whose, for a kind that is about one node."""
    seconds: float
    """How long it lasts."""

    def __str__(self) -> str:
        return f"{self.kind} {self.node + 1}" if self.kind in NODE_KINDS else self.kind


_STORM: Final = 6.0
"""Seconds in which faults follow each other, before a calm."""


def schedule(
    seed: int, seconds: float, nodes: int, kinds: Sequence[str], pause: float, calm: float, *, all_kinds: bool
) -> list[Step]:
    """Return the faults of a run: about one every ``pause`` seconds, of half of the kinds or of all.

    They come in storms, with ``calm`` seconds in between, in which people get something done.
    """
    chance = Random(f"{seed} nemesis")  # noqa: S311 - to be repeated
    if not all_kinds:  # swarm testing: what hides a bug in one run does not hide it in all
        kinds = sorted(chance.sample(kinds, (len(kinds) + 1) // 2))
    steps: list[Step] = []
    at = 0.5
    storm_ends = at + _STORM
    while kinds and at < seconds - 2:
        kind = chance.choice(kinds)
        steps.append(Step(at, kind, chance.randrange(nodes), chance.uniform(0.3, 2.5)))
        at += chance.uniform(0.2, 1.8) * pause
        if at > storm_ends:
            at += calm
            storm_ends = at + _STORM
    return steps


def skews(seed: int, nodes: int, most: float) -> list[float]:
    """Return how many seconds the clock of each node is fast (below zero: slow)."""
    chance = Random(f"{seed} clocks")  # noqa: S311 - as above
    return [chance.uniform(-most, most) for _ in range(nodes)]


class Nemesis:
    """Carries out faults, one at a time for each part, and counts them."""

    def __init__(self, proxies: Sequence[Sequence[Proxy]], outages: list[Outage], cluster: Cluster) -> None:
        """``proxies``: for each node those of ``LINKS``."""
        self.faults = 0
        self._until = 0.0
        self._proxies = proxies
        self._outages = outages
        self._cluster = cluster
        self._locks: dict[str, asyncio.Lock] = {}
        self._names = [f"node{number}" for number in range(1, len(proxies) + 1)]
        self._shared: dict[str, Callable[[float], Awaitable[None]]] = {
            "kill database": self._kill_database,
            "pause database": self._pause_database,
            "kill NATS": self._kill_nats,
            "pause NATS": self._pause_nats,
            "roll restarts": self._roll,
            "kill front": self._kill_front,
            "fill disk": self._fill_disk,
            "kill everything": self._kill_everything,
        }

    async def run(self, steps: Sequence[Step], seconds: float, tell: Callable[[str], None]) -> None:
        """Carry out a schedule, and wait until the last fault is over.

        One that had to wait for another fault of the same part until ``seconds`` have passed is left out.
        """
        begun = time.monotonic()
        self._until = begun + seconds
        running: list[asyncio.Task[None]] = []
        for step in steps:
            await asyncio.sleep(max(0.0, begun + step.at - time.monotonic()))
            tell(f"{time.monotonic() - begun:6.1f} s: {step}, for {step.seconds:.1f} s")
            running.append(asyncio.ensure_future(self._do(step)))
        for task in running:
            await task

    async def _do(self, step: Step) -> None:
        how, _, what = step.kind.partition(" ")
        if how == "break":  # also what is delayed, so that answers of a commit are lost
            self.faults += 1
            self._proxies[step.node][LINKS.index(what)].break_once()
            return
        shared = self._shared.get(step.kind)
        part = "database" if what == "disk" else what if shared else f"{what} {step.node}"
        async with self._lock(part):
            if time.monotonic() > self._until:
                return
            self.faults += 1
            if shared is not None:
                await shared(step.seconds)
            elif what in LINKS:
                await self._disturb(how, what, step)
            else:
                await self._harm_node(how, step)

    def _lock(self, what: str) -> asyncio.Lock:
        return self._locks.setdefault(what, asyncio.Lock())

    @asynccontextmanager
    async def _outage(self, *nodes: str) -> AsyncIterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            end = time.monotonic()
            self._outages += [Outage(node, start, end) for node in (*nodes, "front")]

    async def _disturb(self, how: str, link: str, step: Step) -> None:
        proxy = self._proxies[step.node][LINKS.index(link)]
        held_up = () if link == "bus" else (self._names[step.node],)
        async with self._outage(*held_up):
            match how:
                case "cut":
                    proxy.cut()
                case "delay":
                    proxy.delay(step.seconds / 4)
                case _:
                    proxy.half_open()
            await asyncio.sleep(step.seconds)
            proxy.mend()

    async def _harm_node(self, how: str, step: Step) -> None:
        node = self._cluster.nodes[step.node]
        if how == "pause":
            async with self._outage(node.name):
                node.process.pause()
                await asyncio.sleep(step.seconds)
                node.process.resume()
        elif how == "kill":
            await node.process.kill()
            await asyncio.sleep(step.seconds)
            await _start(node)
        else:
            await node.stop()
            await _start(node)

    async def _kill_database(self, seconds: float) -> None:
        async with self._outage(*self._names):
            await self._cluster.postgres.process.kill()
            await asyncio.sleep(seconds / 2)
            await self._cluster.postgres.start()

    async def _pause_database(self, seconds: float) -> None:
        async with self._outage(*self._names):
            self._cluster.postgres.process.pause()
            await asyncio.sleep(seconds)
            self._cluster.postgres.process.resume()

    async def _kill_nats(self, seconds: float) -> None:
        await self._cluster.nats.process.kill()
        await asyncio.sleep(seconds)
        await self._cluster.nats.start()

    async def _pause_nats(self, seconds: float) -> None:
        self._cluster.nats.process.pause()
        await asyncio.sleep(seconds)
        self._cluster.nats.process.resume()

    async def _kill_front(self, seconds: float) -> None:
        await self._cluster.front.process.kill()
        await asyncio.sleep(seconds)
        await self._cluster.front.start()

    async def _fill_disk(self, seconds: float) -> None:
        async with self._outage(*self._names):
            self._cluster.postgres.fill_disk()
            await asyncio.sleep(seconds)
            await self._cluster.postgres.process.kill()
            await self._cluster.postgres.start()

    async def _kill_everything(self, seconds: float) -> None:
        """Let the power fail; afterwards everything starts at once."""
        cluster = self._cluster
        async with AsyncExitStack() as stack:
            for part in ("database", "NATS", "front", *(f"node {n}" for n in range(len(cluster.nodes)))):
                await stack.enter_async_context(self._lock(part))
            parts: list[_Part] = [cluster.postgres, cluster.nats, cluster.front, *cluster.nodes]
            async with self._outage(*self._names):
                await asyncio.gather(*(part.process.kill() for part in parts))
                await asyncio.sleep(seconds / 2)
                await asyncio.gather(*(_start(part) for part in parts))

    async def _roll(self, _seconds: float) -> None:
        for number, node in enumerate(self._cluster.nodes):
            async with self._lock(f"node {number}"):
                await node.stop()
                await _start(node)


async def _start(part: _Part) -> None:
    """Start a part; a node that can't start now (no database) is started again, as a supervisor does."""
    while True:
        try:
            await part.start()
        except ProcessError:
            await asyncio.sleep(0.2)
        else:
            return
