"""`make torture`: people use a cluster while a nemesis breaks its parts; afterwards the records are checked.

Against a cluster of its own on loopback (PostgreSQL, NATS and nodes as processes) everything is harmed.
Against one that others run (`--invite`, `--nodes`) its own clients hang up and come back at other nodes. The
last line is `N faults, M acknowledged, K violations`. The exit status is 1 with a violation, 2 if too little
was judged to say that there is none (`INCONCLUSIVE`), and else 0.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from tests.cluster.checker import check
from tests.cluster.encrypted import EncryptedPerson, begin_encrypted, end_encrypted
from tests.cluster.nemesis import HANG_UP, NODE_KINDS, SHARED_KINDS, Nemesis, Step, schedule, skews
from tests.cluster.people import Person, begin
from tests.cluster.proxy import Proxy
from tests.cluster.records import Outcome, Seen
from tests.cluster.server_operator import Operator
from tests.cluster.verdict import MINIMA, Part, Verdict, Violation
from tests.cluster.world import Habits, World
from tools.cluster.cluster import Cluster

from parlour_client.kit.transport.trust import CaFile, Pin, SystemRoots
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_server.chat.system_account import system_account

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
    "PARLOUR_RATES_KEY_CHANGES_PER_HOUR": "100000",
    "PARLOUR_RATES_CLAIMS_PER_PERSON_PER_HOUR": "10000",
    "PARLOUR_RATES_COMMITS_PER_MINUTE": "100000",
    "PARLOUR_RATES_ROOMS_PER_HOUR": "10000",
    "PARLOUR_RATES_INVITES_PER_HOUR": "10000",
    "PARLOUR_FILES_UPLOADS_PER_HOUR": "10000",
    "PARLOUR_LOGINS_TICKETS_PER_SESSION": "1000000",
    "PARLOUR_LOGINS_SESSIONS_PER_USER": "64",
    "PARLOUR_CONNECTIONS_PER_ADDRESS": "1024",
    "PARLOUR_CONNECTIONS_PER_USER": "64",
}
"""What is looked for is not the refusal of people who are too fast."""
_SETTLE_SECONDS: Final = 30.0
_QUICK: Final = 0.3
"""Seconds: what the bus brings is there by then; the position check takes longer on average."""
_AGREE_SECONDS: Final = 60.0
"""For an encrypted room: a client that found no node waits before it tries again."""
_FINISH_SECONDS: Final = 240.0
"""For everyone to send and see everything twice: a server on which nothing goes must not hold it up."""
_LAST_EVENTS: Final = 12
_BUS_SECONDS: Final = 20.0
_TRIES: Final = 20
_LOOK_SECONDS: Final = 0.05
_LAG: Final = 0.05
"""Seconds: less is not counted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to run."""

    seed: int
    seconds: float = 20
    nodes: int = 3
    people: int = 5
    encrypted: int = 3
    """More people, with encryption."""
    rooms: int = 3
    habits: Habits = field(default_factory=Habits)
    pause: float = 1.0
    """Seconds between two faults of a storm."""
    calm: float = 6.0
    """Seconds between two storms."""
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


@dataclass
class Report:
    """What came of a run."""

    faults: int = 0
    acknowledged: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    too_little: list[str] = field(default_factory=list)
    """What was judged too seldom to say anything."""
    late: float = 0.0
    """Seconds by which this process was late, because the machine was too busy. They excuse nothing."""

    @property
    def violations(self) -> list[Violation]:
        """What is wrong."""
        return self.verdict.violations

    @property
    def status(self) -> int:
        """The exit status."""
        return 1 if self.violations else 2 if self.too_little else 0

    @property
    def line(self) -> str:
        """The last line."""
        counts = f"{self.faults} faults, {self.acknowledged} acknowledged, {len(self.violations)} violations"
        return f"INCONCLUSIVE: {counts}" if self.status == 2 else counts


class Torture:
    """One run."""

    def __init__(
        self,
        options: Options,
        world: World,
        nemesis: Nemesis | None,
        cluster: Cluster | None,
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        """Without a cluster of our own (and its ``nemesis``) the clients hang up: nothing else is harmed."""
        self._options = options
        self._world = world
        self._nemesis = nemesis
        self._cluster = cluster
        self._folder = folder
        self._tell = tell
        self._chance = world.chance("the bus is quick")
        self._people: list[Person] = []
        self._encrypted: list[EncryptedPerson] = []
        self._operator: Operator | None = None
        if cluster is not None:
            chance = world.chance("the operator")
            self._operator = Operator(world, cluster.operator, system_account(), chance)
        self._hung_up = 0
        self._late = 0.0

    async def run(self, link: ChatInviteLink) -> Report:
        """Let people with accounts by this invite live through faults; heal everything; check."""
        options, world = self._options, self._world
        code, habits = link.link.code, options.habits
        assert code is not None
        self._people, tasks = await begin(world, options.people, options.rooms, code, habits)
        self._encrypted = await begin_encrypted(world, self._folder, options.encrypted, link, habits)
        for person in self._people:
            person.operator = self._operator
        watch = asyncio.ensure_future(self._watch_lag())
        try:
            await self._live()
            try:
                async with asyncio.timeout(_FINISH_SECONDS):
                    await self._finish()
            except TimeoutError:
                self._stuck(f"not all went on in {_FINISH_SECONDS:.0f} s after everything was healed")
            await end_encrypted(self._encrypted, _AGREE_SECONDS)
            try:
                async with asyncio.timeout(_FINISH_SECONDS):
                    world.history.log = await self._logs()
            except TimeoutError:
                self._stuck(f"not all logs could be read in {_FINISH_SECONDS:.0f} s")
            world.history.views = [view for person in self._people for view in person.views()]
        finally:
            for task in (watch, *tasks):
                task.cancel()
            await asyncio.gather(watch, *tasks, return_exceptions=True)
            await asyncio.gather(*(person.laptop.client.stop() for person in self._encrypted))
        if self._cluster is not None:
            world.history.stored = await asyncio.to_thread(_stored, self._cluster)
            _, *deadlocks = self._cluster.postgres.process.log_text().split("deadlock detected")
            if deadlocks:
                self._stuck(
                    f"PostgreSQL had to end {len(deadlocks)} deadlocks, the first one: {deadlocks[0][:800]}"
                )
        return self._judge()

    async def _logs(self) -> dict[RoomId, list[LogEvent]]:
        """Read every room from its beginning to its end."""
        by_name = {person.name: person for person in self._people}
        logs = {room: await by_name[who].whole_log(room) for room, who in self._world.whose.items()}
        for room in self._world.encrypted if self._encrypted else ():
            logs[room] = await self._encrypted[0].whole_log(room)
        return logs

    def _judge(self) -> Report:
        history = self._world.history
        verdict = check(history, grace=self._options.grace)
        for text in history.stuck:
            verdict.fault(2, text)
        without = set[Part]()
        if not self._options.encrypted:
            without.add(Part.ENCRYPTED)
        if self._cluster is None:
            without.add(Part.OWN_CLUSTER)
        acknowledged = sum(call.outcome is Outcome.OK for call in history.calls)
        faults = self._hung_up if self._nemesis is None else self._nemesis.faults
        too_little = [*verdict.too_little(without), *([] if faults else ["faults: 0 of 1"])]
        return Report(faults, acknowledged, verdict, too_little, self._late)

    async def _live(self) -> None:
        options = self._options
        steps = schedule(
            options.seed,
            options.seconds,
            options.nodes,
            options.kinds,
            options.pause,
            options.calm,
            all_kinds=options.all_kinds,
        )
        stop = asyncio.Event()
        living = [asyncio.ensure_future(person.run(stop)) for person in self._people]
        living += [asyncio.ensure_future(person.run(stop)) for person in self._encrypted]
        if self._operator is not None:
            names = [person.name for person in self._people[1:]]
            write = self._people[-1].send
            living.append(asyncio.ensure_future(self._operator.run(stop, names, write)))
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
        await self._all_connected()
        await self._restore()
        if self._cluster is not None:
            self._spread()
            await self._all_connected()
            await self._cluster.nats.process.kill()
            without_bus = time.monotonic()
            await self._all_connected()
            await self._all_send("without the bus")
            await self._all_see("without the bus")
            self._world.history.without_bus.append((without_bus, time.monotonic()))
            await self._cluster.nats.start()
        await self._all_connected()
        await self._all_send("when all was healed")
        await self._all_see("when all was healed")
        await self._bus_is_quick()

    async def _restore(self) -> None:
        """Lift what still keeps someone from writing: a fault may have come before it was lifted."""
        owner, *others = self._people
        for room in self._world.public:
            if self._operator is not None:
                await self._operator.archive(room, on=False)
            await owner.restore(room, others)

    def _spread(self) -> None:
        """Let everyone be connected to more than one node, so that these depend on each other."""
        places = cycle(place for place in self._world.places if place.node != "front")
        for person in self._people:
            for line in person.lines:
                line.go_to(next(places))

    async def _bus_is_quick(self) -> None:
        """Demand that events are at other nodes before a position check is likely to have found them.

        Each is the last one of a silent room: no later event reveals it. A client of the bus may wait before
        it connects again, so they are demanded within ``_BUS_SECONDS``.
        """
        end = time.monotonic() + _BUS_SECONDS
        while True:
            rooms = islice(cycle(self._world.public), _LAST_EVENTS)
            took = sorted([await self._last_event(room) for room in rooms])
            slow = took[_LAST_EVENTS * 3 // 4 - 1]
            if slow < _QUICK:
                return
            if time.monotonic() > end:
                break
        self._stuck(f"the bus is back, and a quarter of the events take longer than {slow:.2f} s")

    async def _last_event(self, room: RoomId) -> float:
        """Let someone send to a silent room; return how long the slowest other node took to show it."""
        history = self._world.history
        for _ in range(_TRIES):
            person = self._chance.choice(self._people)
            before = len(history.heard)
            call = await person.send(room, patient=True)
            views = [view for one in self._people for view in one.views() if view.room == room]
            others = {view.node for view in views} - {
                *call.nodes,
                "front",
            }  # where the front leads is unknown
            if call.outcome is not Outcome.OK or "front" in call.nodes or not others:
                continue
            end = time.monotonic() + self._options.quiet
            while time.monotonic() < end:
                shown: dict[str, float] = {}
                for seen in history.heard[before:]:
                    if isinstance(seen, Seen) and (seen.event.room, seen.event.seq) == (room, call.seqs[0]):
                        shown.setdefault(history.connections[seen.connection].node, seen.at)
                if others <= shown.keys():
                    return max(shown[node] for node in others) - call.ended
                await asyncio.sleep(0.01)
            return self._options.quiet
        return 0.0  # everyone is at one node

    async def _all_connected(self) -> None:
        lines = [line for person in self._people for line in person.lines]
        for _ in range(2):  # one may have gone while another one was waited for
            for line in lines:
                try:
                    async with asyncio.timeout(_SETTLE_SECONDS):
                        await line.up.wait()
                except TimeoutError:
                    self._stuck(f"{line.user} gets no connection to {line.place.node}")

    async def _all_send(self, when: str) -> None:
        """Let everyone send to each of their rooms."""
        for person in self._people:
            for room in self._world.public:
                done = await person.send(room, patient=True)
                if done.outcome is Outcome.REFUSED:  # removed by the last act of someone, and not aware of it
                    await person.join(room)
                    done = await person.send(room, patient=True)
                if done.outcome is not Outcome.OK or done.ended - done.began > self._options.quiet:
                    why = f"{done.outcome.value} {done.code}".rstrip()
                    self._stuck(f"{person.name} could not send to {room} {when}: {why}")

    async def _all_see(self, when: str) -> None:
        """Wait until every connection has been sent everything. The checker tells who was not."""
        end = time.monotonic() + self._options.quiet
        owner = self._people[0]
        heads: dict[str, int] = {room: (await owner.whole_log(room))[-1].seq for room in self._world.public}
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
        views = [view for person in self._people for view in person.views() if view.room in heads]
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
        """Measure by how much this process was late: a busy machine judges little."""
        while True:
            due = time.monotonic() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            if (awake := time.monotonic()) - due > _LAG:
                self._late += awake - due


async def torture(options: Options, tell: Callable[[str], None]) -> Report:
    """Run against a cluster of our own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        cluster = Cluster(folder, nodes=options.nodes, settings=SETTINGS, own_front=True)
        world = World(options.seed)
        proxies: list[list[Proxy]] = []
        for node, skew in zip(cluster.nodes, skews(options.seed, options.nodes, options.skew), strict=True):
            ports = (node.port, cluster.postgres.port, cluster.nats.port)
            three = [
                await stack.enter_async_context(Proxy(port, world.chance(f"{node.name} {port}")))
                for port in ports
            ]
            node.settings["PARLOUR_DATABASE_URL"] = cluster.postgres.url(port=three[1].port)
            node.settings["PARLOUR_BUS_URL"] = cluster.nats.url(port=three[2].port)
            proxies.append(three)
            tell(f"the clock of {node.name} is {abs(skew):.0f} s {'fast' if skew > 0 else 'slow'}")
            paths = [_skewed_clock(folder / f"{node.name}-clock", skew), options.package]
            node.settings["PYTHONPATH"] = os.pathsep.join(str(path) for path in paths if path is not None)
        if options.package is not None:
            cluster.operator.settings["PYTHONPATH"] = str(options.package)
        ways = {node.name: three[0].port for node, three in zip(cluster.nodes, proxies, strict=True)}
        ways["front"] = cluster.front.port
        for node in (*cluster.nodes, cluster.operator):
            more = "".join(f",localhost:{port}" for port in ways.values())
            node.settings["PARLOUR_LISTEN_NAMES"] += more
        await stack.enter_async_context(cluster)
        addresses = {name: ServerAddress("localhost", port) for name, port in ways.items()}
        world.know(CaFile.read(cluster.certificate), addresses)
        link = ChatInviteLink.parse(await cluster.invite(options.people + options.encrypted))
        nemesis = Nemesis(proxies, world.history.outages, cluster)
        return await Torture(options, world, nemesis, cluster, folder, tell).run(link)


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
    options: Options, addresses: Sequence[ServerAddress], link: ChatInviteLink, tell: Callable[[str], None]
) -> Report:
    """Run against a cluster that others run."""
    world = World(options.seed)
    trust = Pin(link.link.pin) if link.link.pin else SystemRoots()
    world.know(trust, {f"node{number}": address for number, address in enumerate(addresses, 1)})
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        return await Torture(options, world, None, None, Path(folder), tell).run(link)


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
    parser.add_argument("--encrypted", type=int, default=3, help="more people, with encryption")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two faults, on average")
    parser.add_argument("--calm", type=float, default=6.0, help="seconds without faults, after six with them")
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
    options = Options(seed, given.seconds, given.size, given.people, given.encrypted)
    options = replace(options, pause=given.pause, calm=given.calm)
    if given.only:
        options = replace(options, kinds=tuple(given.only), all_kinds=True)
    if given.nodes:
        addresses = [ServerAddress.parse(text) for text in given.nodes]
        options = replace(options, nodes=len(addresses), kinds=(HANG_UP,))
        report = asyncio.run(torture_others(options, addresses, ChatInviteLink.parse(given.invite), tell))
    else:
        report = asyncio.run(torture(options, tell))
    for violation in report.violations[:50]:
        tell(f"violation {violation}")
    for minimum in MINIMA:
        tell(f"judged [{minimum.rule}] {minimum.what}: {report.verdict.judged[minimum.what]}")
    tell(f"this process was late by {report.late:.0f} s")
    for text in report.too_little:
        tell(f"too little {text}")
    tell(report.line)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
