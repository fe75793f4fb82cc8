"""`make cluster`: a cluster on this machine whose nodes are killed one after another while people talk.

With a screen the demo's TUI opens on it and its lobby reports each kill; without one each is a line. Both end
with what was sent, acknowledged and lost. It exits with 0 only if nothing was lost.
"""

import argparse
import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from parlour_client.demo.people import Person, connect, open_rooms
from parlour_client.demo.screen import answer, sign_up_guest, talk
from parlour_client.demo.script import CAST, GUEST
from parlour_client.extras import register_all
from parlour_client.kit.errors import ParlourClientError
from parlour_client.ui.app import ParlourApp
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from tools.cluster.cluster import Cluster
from tools.cluster.counting import Counting, NotSettledError
from tools.cluster.process import ProcessError

_KEEPER: Final = "keeper"
_ROOM: Final = "counting"
_EVERY: Final = 4.0
_DOWN: Final = 1.0
_ABOUT: Final = (
    "You are guest, on three nodes that share PostgreSQL and NATS. One is killed every few seconds. "
    "I report here; the bottom line shows when your own node was killed. Everyone counts in #counting "
    "(/join counting). Write something: it arrives, whichever node dies. Ctrl+Q ends it, and says whether "
    "anything was lost."
)
Say = Callable[[str], None]


class Killer:
    """Kills a node every few seconds, and starts it again."""

    def __init__(self, cluster: Cluster, say: Say) -> None:
        self._cluster = cluster
        self._say = say
        self.kills = 0

    async def run(self) -> None:
        """Kill until cancelled."""
        nodes = self._cluster.nodes
        for node in itertools.cycle(nodes):
            await asyncio.sleep(_EVERY)
            await node.process.kill()
            self.kills += 1
            serving = sum(one.process.runs for one in nodes)
            self._say(f"{node.name} was killed; {serving} of {len(nodes)} nodes serve.")
            await asyncio.sleep(_DOWN)
            began = time.monotonic()
            await node.start()
            self._say(f"{node.name} serves again, {time.monotonic() - began:.1f} s after it was started.")

    async def heal(self) -> None:
        """Start every node that does not run."""
        for node in self._cluster.nodes:
            if not node.process.runs:
                node.spawn()
            await node.ready()


@contextlib.asynccontextmanager
async def _people(cluster: Cluster, names: tuple[str, ...]) -> AsyncIterator[dict[str, Person]]:
    """Connect everyone through the front, by name."""
    link = await cluster.invite(len(names))
    async with contextlib.AsyncExitStack() as stack:
        people: dict[str, Person] = {}
        for name in names:
            person = await connect(cluster.folder / name, name, link)
            stack.push_async_callback(person.client.stop)
            people[name] = person
        yield people


async def _counting(people: dict[str, Person]) -> Counting:
    """Create the room that everyone counts in."""
    first, *others = people.values()
    room = await first.client.rooms.create(parse_room_name(_ROOM), RoomKind.PUBLIC, "one after another")
    for person in others:
        await person.client.rooms.join(room.id)
    return Counting(tuple(people.values()), room.id)


async def _verdict(cluster: Cluster, counting: Counting, killer: Killer, say: Say) -> bool:
    """Wait until everything has arrived, compare it, and say what was found."""
    await killer.heal()
    try:
        await counting.settle()
    except NotSettledError as error:
        say(f"{error}.")
        return False
    async with _people(cluster, ("late",)) as people:
        late = people["late"]
        await late.client.rooms.join(counting.room)
        result = await counting.check(late)
    for problem in result.problems:
        say(f"  LOST  {problem}")
    longest = max(counting.reconnections, default=0.0)
    say(
        f"{killer.kills} kills, {result.sent} sent, {result.acknowledged} acknowledged, {result.lost} lost; "
        f"{len(counting.reconnections)} reconnections, the longest {longest:.1f} s"
    )
    return not result.problems


async def _while_killed(
    cluster: Cluster, counting: Counting, say: Say, meanwhile: "asyncio.Task[None]"
) -> Killer:
    """Let everyone count and nodes die until ``meanwhile`` is done; returns the killer."""
    killer = Killer(cluster, say)
    tasks = [asyncio.create_task(killer.run()), asyncio.create_task(counting.run())]
    try:
        await asyncio.wait({meanwhile, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        await meanwhile
    finally:
        for task in (*tasks, meanwhile):
            task.cancel()
        await asyncio.gather(*tasks, meanwhile, return_exceptions=True)
    return killer


async def _headless(cluster: Cluster, seconds: float, say: Say) -> bool:
    async with _people(cluster, CAST) as people:
        counting = await _counting(people)
        began = time.monotonic()
        told = lambda text: say(f"  {time.monotonic() - began:5.1f} s  {text}")  # noqa: E731
        killer = await _while_killed(cluster, counting, told, asyncio.create_task(asyncio.sleep(seconds)))
        return await _verdict(cluster, counting, killer, say)


async def _with_screen(cluster: Cluster, say: Say) -> bool:
    async with _people(cluster, (*CAST, _KEEPER)) as people:
        keeper = people.pop(_KEEPER)
        await open_rooms(people)
        counting = await _counting(people)
        register_all()
        app = ParlourApp(await sign_up_guest(cluster.folder / GUEST, await cluster.invite(1), people))
        reports: set[asyncio.Task[object]] = set()

        def report(text: str) -> None:
            task: asyncio.Task[object] = asyncio.create_task(
                keeper.client.messages.send(keeper.lobby.id, text)
            )
            reports.add(task)
            task.add_done_callback(reports.discard)

        report(_ABOUT)
        playing = [asyncio.create_task(talk(people)), asyncio.create_task(answer(people))]
        try:
            killer = await _while_killed(cluster, counting, report, asyncio.create_task(app.run_async()))
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)
        say("Waiting until everything has arrived …")
        return await _verdict(cluster, counting, killer, say)


async def _run(options: argparse.Namespace, say: Say) -> bool:
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        cluster = Cluster(Path(name), nodes=options.nodes)
        say(
            f"Starting PostgreSQL, NATS, {options.nodes} nodes and "
            f"{'haproxy' if cluster.front.is_haproxy else 'a front'} on this machine …"
        )
        async with cluster:
            say(f"The cluster serves at {cluster.url}. Signing people up …")
            if options.headless:
                return await _headless(cluster, options.seconds, say)
            return await _with_screen(cluster, say)


def main() -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--headless", action="store_true", help="report on lines instead of opening the TUI")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long without a screen (default: 30)")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes (default: 3)")
    options = parser.parse_args()
    if not options.headless and not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write("The demo's screen needs a terminal. Without one: make cluster ARGS=--headless\n")
        return 2
    try:
        return 0 if asyncio.run(_run(options, print)) else 1
    except (ParlourClientError, ProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
