"""`make torture`: people use a cluster while a nemesis breaks its parts; afterwards the records are checked.

Against a cluster of its own on loopback (PostgreSQL, NATS and nodes as processes) everything is harmed.
Against one that others run (`--invite`, `--nodes`) its own clients hang up and come back at other nodes. The
last line is `N faults, M acknowledged, K violations`; it exits with 0 only without a violation.
"""

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from tests.cluster.checker import Violation, check
from tests.cluster.nemesis import HANG_UP, NODE_KINDS, SHARED_KINDS, Nemesis, Step, schedule
from tests.cluster.proxy import Proxy
from tests.cluster.records import Outage, Outcome
from tests.cluster.workload import Person, World, begin
from tools.cluster.cluster import Cluster

from parlour_client.kit.transport.trust import CaFile, Pin, SystemRoots
from parlour_protocol.kit.invite_link import InviteLink, ServerAddress
from parlour_protocol.kit.secret import Secret

SETTINGS: Final = {
    "PARLOUR_RATES_MESSAGES_PER_MINUTE": "1000000",
    "PARLOUR_RATES_MESSAGE_BURST": "1000000",
    "PARLOUR_RATES_REQUESTS_PER_MINUTE": "1000000",
    "PARLOUR_RATES_REQUEST_BURST": "1000000",
    "PARLOUR_RATES_READS_PER_MINUTE": "1000000",
    "PARLOUR_RATES_READ_BURST": "1000000",
    "PARLOUR_RATES_READ_BYTES_PER_MINUTE": "1000000000",
    "PARLOUR_RATES_READ_BYTES_BURST": "1000000000",
    "PARLOUR_RATES_HTTP_PER_MINUTE": "1000000",
    "PARLOUR_RATES_HTTP_BURST": "1000000",
    "PARLOUR_LOGINS_TICKETS_PER_SESSION": "1000000",
    "PARLOUR_LOGINS_SESSIONS_PER_USER": "64",
    "PARLOUR_CONNECTIONS_PER_ADDRESS": "1024",
    "PARLOUR_CONNECTIONS_PER_USER": "64",
}
"""What is looked for is not the refusal of people who are too fast."""
_SETTLE_SECONDS: Final = 30.0
_QUICK: Final = 0.3
"""Seconds: what the bus brings is there by then; the position check takes longer on average."""
_ROUNDS: Final = 8
_LAG: Final = 0.25
"""Seconds by which this process was late: whatever it saw then is not held against a node."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to run."""

    seed: int
    seconds: float = 20
    nodes: int = 3
    people: int = 5
    rooms: int = 3
    pace: float = 0.06
    """Seconds between two acts of one person."""
    pause: float = 1.0
    """Seconds between two faults."""
    kinds: tuple[str, ...] = (*NODE_KINDS, *SHARED_KINDS)
    all_kinds: bool = False
    """Use each of them, not a random half."""
    package: Path | None = None
    """Where the nodes import the server from, if not from this environment: a mutant."""
    grace: float = 1.0
    skew: float = 20.0
    """Seconds by which the clock of a node may differ from the right one, at most."""
    quiet: float = 12.0
    """Seconds in which everything has to go on after all was healed."""
    sessions: float = 0.005
    """How often people begin and end another session: the part of their acts."""


@dataclass
class Report:
    """What came of a run."""

    faults: int = 0
    acknowledged: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The last line."""
        return f"{self.faults} faults, {self.acknowledged} acknowledged, {len(self.violations)} violations"


class Torture:
    """One run."""

    def __init__(
        self,
        options: Options,
        world: World,
        nemesis: Nemesis | None,
        cluster: Cluster | None,
        tell: Callable[[str], None],
    ) -> None:
        """Without a cluster of our own (and its ``nemesis``) the clients hang up: nothing else is harmed."""
        self._options = options
        self._world = world
        self._nemesis = nemesis
        self._cluster = cluster
        self._tell = tell
        self._people: list[Person] = []
        self._hung_up = 0

    async def run(self, code: Secret) -> Report:
        """Let people with accounts by this invite live through faults; heal everything; check."""
        options, world = self._options, self._world
        self._people, tasks = await begin(world, options.people, options.rooms, code)
        watch = asyncio.ensure_future(self._watch_lag())
        try:
            await self._live()
            await self._finish()
            owner = self._people[0]
            world.history.log = {room: await owner.whole_log(room) for room in world.rooms}
            world.history.views = [view for person in self._people for view in person.views()]
        finally:
            for task in (watch, *tasks):
                task.cancel()
            await asyncio.gather(watch, *tasks, return_exceptions=True)
        if self._cluster is not None:
            world.history.stored = await asyncio.to_thread(_stored, self._cluster)
            if deadlocks := self._cluster.postgres.process.log_text().count("deadlock detected"):
                self._stuck(f"PostgreSQL had to end {deadlocks} deadlocks")
        violations = check(world.history, grace=options.grace)
        violations += [Violation(2, text) for text in world.history.stuck]
        acknowledged = sum(call.outcome is Outcome.OK for call in world.history.calls)
        faults = self._hung_up if self._nemesis is None else self._nemesis.faults
        return Report(faults, acknowledged, violations)

    async def _live(self) -> None:
        options = self._options
        chance = self._world.chance("nemesis")
        kinds = list(options.kinds)
        if not options.all_kinds:  # swarm testing: what hides a bug in one run does not hide it in all
            kinds = sorted(chance.sample(kinds, (len(kinds) + 1) // 2))
        steps = schedule(chance, options.seconds, options.nodes, kinds, options.pause)
        stop = asyncio.Event()
        living = [
            asyncio.ensure_future(person.run(person is self._people[0], options.pace, options.sessions, stop))
            for person in self._people
        ]
        harming = (
            self._hang_up(steps)
            if self._nemesis is None
            else self._nemesis.run(steps, options.seconds, self._tell)
        )
        faults = asyncio.ensure_future(harming)
        await asyncio.wait({faults, asyncio.ensure_future(asyncio.sleep(options.seconds))})
        faults.result()
        stop.set()
        await asyncio.gather(*living)

    async def _hang_up(self, steps: Sequence[Step]) -> None:
        begun = time.monotonic()
        for step in steps:
            await asyncio.sleep(max(0.0, begun + step.at - time.monotonic()))
            node = self._world.places[step.node].node
            self._tell(f"{time.monotonic() - begun:6.1f} s: the clients of {node} hang up")
            for line in (line for person in self._people for line in person.lines):
                if line.place.node == node:
                    line.hang_up()
            self._hung_up += 1

    async def _finish(self) -> None:
        """Demand progress: everyone is connected, sends, and gets everything; also without the bus."""
        if self._cluster is not None:
            await self._cluster.nats.kill()
            await self._all_connected()
            await self._all_send("without the bus")
            await self._all_see("without the bus")
            await self._cluster.nats.start()
        await self._all_connected()
        slow = 0.0
        for _ in range(_ROUNDS):
            took = await self._all_send("when all was healed")
            await self._all_see("when all was healed")
            slow = statistics.quantiles(took, n=4)[2]
            if slow < _QUICK:
                return
            await asyncio.sleep(0.5)  # a client of the bus may wait before it connects again
        self._stuck(f"the bus is back, and a quarter of the events take longer than {slow:.2f} s")

    async def _all_connected(self) -> None:
        lines = [line for person in self._people for line in person.lines]
        for _ in range(2):  # one may have gone while another one was waited for
            for line in lines:
                try:
                    async with asyncio.timeout(_SETTLE_SECONDS):
                        await line.up.wait()
                except TimeoutError:
                    self._stuck(f"{line.user} gets no connection to {line.place.node}")

    async def _all_send(self, when: str) -> list[float]:
        """Let everyone send into each of their rooms; return how long the events took to reach the others."""
        history = self._world.history
        before, begun = len(history.seen), len(history.calls)
        for person in self._people:
            for room in self._world.rooms:
                if room in person.out:
                    await person.join(room)
                done = await person.send(room, patient=True)
                if done.outcome is Outcome.REFUSED:  # removed by the last act of someone, and not aware of it
                    await person.join(room)
                    done = await person.send(room, patient=True)
                if done.outcome is not Outcome.OK or done.ended - done.began > self._options.quiet:
                    self._stuck(f"{person.name} could not send {when}: {done.outcome.value}")
        await self._all_see(when)
        sent = {(call.room, call.seqs[0]): call for call in history.calls[begun:] if call.seqs}
        return [
            seen.at - call.ended
            for seen in history.seen[before:]
            if (call := sent.get((seen.event.room, seen.event.seq))) is not None
            and "front" not in call.nodes
            and history.connections[seen.connection].node not in {*call.nodes, "front"}
        ] or [0.0, 0.0]

    async def _all_see(self, when: str) -> None:
        """Wait until every connection has been sent everything. The checker tells who was not."""
        end = time.monotonic() + self._options.quiet
        owner = self._people[0]
        heads: dict[str, int] = {room: (await owner.whole_log(room))[-1].seq for room in self._world.rooms}
        while missing := self._missing(heads):
            if time.monotonic() > end:
                self._tell(f"not everything was seen {when}: {missing[0]}")
                self._stuck(f"{len(missing)} views are not complete {when}: {missing[0]}")
                return
            await asyncio.sleep(0.05)

    def _missing(self, heads: Mapping[str, int]) -> list[str]:
        newest: dict[tuple[int, str], int] = {}
        for seen in self._world.history.seen:
            newest[seen.connection, seen.event.room] = seen.event.seq
        views = [view for person in self._people for view in person.views()]
        behind = [
            (view, max(view.first - 1, newest.get((view.connection, view.room), 0)), heads[view.room])
            for view in views
        ]
        return [
            f"{view.user} at {view.node} has {has} of {head} events"
            for view, has, head in behind
            if has < head
        ]

    def _stuck(self, text: str) -> None:
        self._world.history.stuck.append(text)

    async def _watch_lag(self) -> None:
        """Note when this process was late by itself: then nobody else can be blamed."""
        nodes = [*(place.node for place in self._world.places)]
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            if time.monotonic() - before > _LAG:
                late = [Outage(node, before, time.monotonic()) for node in nodes]
                self._world.history.outages += late


async def torture(options: Options, tell: Callable[[str], None]) -> Report:
    """Run against a cluster of our own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        cluster = Cluster(folder, nodes=options.nodes, settings=SETTINGS, own_front=True)
        world = World(options.seed)
        proxies: list[list[Proxy]] = []
        for node in cluster.nodes:
            ports = (node.port, cluster.postgres.port, cluster.nats.port)
            three = [
                await stack.enter_async_context(Proxy(port, world.chance(f"{node.name} {port}")))
                for port in ports
            ]
            node.settings["PARLOUR_DATABASE_URL"] = cluster.postgres.url(port=three[1].port)
            node.settings["PARLOUR_BUS_URL"] = cluster.nats.url(port=three[2].port)
            proxies.append(three)
            skew = world.chance(f"{node.name} clock").uniform(-options.skew, options.skew)
            tell(f"the clock of {node.name} is {abs(skew):.0f} s {'fast' if skew > 0 else 'slow'}")
            paths = [_skewed_clock(folder / f"{node.name}-clock", skew), options.package]
            node.settings["PYTHONPATH"] = os.pathsep.join(str(path) for path in paths if path is not None)
        ways = {node.name: three[0].port for node, three in zip(cluster.nodes, proxies, strict=True)}
        ways["front"] = cluster.front.port
        for node in (*cluster.nodes, cluster.operator):
            more = "".join(f",localhost:{port}" for port in ways.values())
            node.settings["PARLOUR_LISTEN_NAMES"] += more
        await stack.enter_async_context(cluster)
        addresses = {name: ServerAddress("localhost", port) for name, port in ways.items()}
        world.know(CaFile.read(cluster.certificate), addresses)
        link = InviteLink.parse(await cluster.invite(options.people))
        nemesis = Nemesis(proxies, world.history.outages, cluster)
        return await Torture(options, world, nemesis, cluster, tell).run(link.code)


def _skewed_clock(folder: Path, seconds: float) -> Path:
    """Return a folder from which Python takes a wrong clock when it starts."""
    folder.mkdir(mode=0o700)
    text = f"""import time

_real = time.time_ns
time.time_ns = lambda: _real() + {round(seconds * 1e9)}
time.time = lambda: time.time_ns() / 1e9
"""
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    return folder


async def torture_others(
    options: Options, addresses: Sequence[ServerAddress], link: InviteLink, tell: Callable[[str], None]
) -> Report:
    """Run against a cluster that others run."""
    world = World(options.seed)
    trust = Pin(link.pin) if link.pin else SystemRoots()
    world.know(trust, {f"node{number}": address for number, address in enumerate(addresses, 1)})
    return await Torture(options, world, None, None, tell).run(link.code)


def _stored(cluster: Cluster) -> str:
    """Return all texts in the database."""
    found: list[str] = []
    with psycopg.connect(cluster.postgres.conninfo()) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))):
                found += [
                    bytes(value).decode(errors="replace") if isinstance(value, bytes) else str(value)
                    for value in row
                ]
    return "\n".join(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as told by the command line; print what happens, and the summary as the last line."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults are made")
    parser.add_argument("--seed", type=int, help="replays the schedule of a run that printed it")
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two faults, on average")
    parser.add_argument(
        "--only", nargs="+", metavar="FAULT", help='such as "kill node"; default: half of all'
    )
    parser.add_argument("--size", type=int, default=3, help="nodes of the cluster that is started")
    parser.add_argument("--nodes", nargs="+", metavar="HOST:PORT", help="a cluster that runs already")
    parser.add_argument("--invite", help="an invite link to it, for as many people as take part")
    given = parser.parse_args(arguments)
    if bool(given.nodes) != bool(given.invite):
        parser.error("--nodes and --invite belong together")
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed

    def tell(text: str) -> None:
        print(text, flush=True)  # noqa: T201 - a program of its own

    tell(f"seed {seed}")
    options = Options(seed, given.seconds, given.size, given.people, pause=given.pause)
    if given.only:
        options = replace(options, kinds=tuple(given.only), all_kinds=True)
    if given.nodes:
        addresses = [ServerAddress.parse(text) for text in given.nodes]
        options = replace(options, nodes=len(addresses), kinds=(HANG_UP,))
        report = asyncio.run(torture_others(options, addresses, InviteLink.parse(given.invite), tell))
    else:
        report = asyncio.run(torture(options, tell))
    for violation in report.violations[:50]:
        tell(f"violation {violation}")
    tell(report.line)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
