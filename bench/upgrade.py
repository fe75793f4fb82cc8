"""An update under traffic: the server is restarted, as `systemctl restart` does it, while people count aloud.

The people are whole clients, which are told the number of each message when it is on the disk. Afterwards it
is compared with the log as someone reads it who came last.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tools.cluster.counting import Counting

from bench import servers
from bench.programs import CHAT
from parlour_client.demo.people import Person, connect
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

PEOPLE: Final = 20
RESTARTS: Final = 4
_BETWEEN: Final = 11.0
"""Seconds; a client that was connected for less waits longer each time."""


class _Updated:
    """A server that is stopped and started again on the same address."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ready = data.parent / "server.ready"
        self._address = "127.0.0.1:0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", CHAT.module, "run", "--data", str(self._data), "--migrate"]
        command += ["--listen", self._address, "--ready-file", str(self._ready)]
        with (self._data.parent / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stderr=log)
        while not self._ready.exists():
            if self._process.returncode is not None:
                raise SystemExit("the server ended before it was ready")
            await asyncio.sleep(0.01)
        self._address = json.loads(self._ready.read_text())["url"].removeprefix("https://")

    async def stop(self) -> None:
        """Stop it as systemd does."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    async def invite(self, uses: int) -> str:
        """Return an invite's link."""
        command = [sys.executable, "-m", CHAT.module, "invite", "create", "--data", str(self._data)]
        made = await asyncio.create_subprocess_exec(
            *command, "--uses", str(uses), "--json", stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await made.communicate()
        link: str = json.loads(printed)["link"]
        return link


@contextlib.asynccontextmanager
async def _connected(server: _Updated, folder: Path, *names: str) -> AsyncIterator[list[Person]]:
    link = await server.invite(len(names))
    async with contextlib.AsyncExitStack() as stack:
        people = []
        for name in names:
            people.append(await connect(folder / name, name, link))
            stack.push_async_callback(people[-1].client.stop)
        yield people


def rows() -> list[list[str]]:
    """Twenty people send four messages a second each; the server is restarted four times."""
    folder = Path(tempfile.mkdtemp(prefix="upgrade"))
    try:
        return [asyncio.run(_row(folder))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _row(folder: Path) -> list[str]:
    server = _Updated(servers.make_data(CHAT, folder))
    await server.start()
    down = []
    try:
        async with _connected(server, folder, *(f"person{number}" for number in range(PEOPLE))) as people:
            first, *others = people
            room = await first.client.rooms.create(parse_room_name("counting"), RoomKind.PUBLIC, "")
            for person in others:
                await person.client.rooms.join(room.id)
            counting = Counting(people, room.id)
            task = asyncio.create_task(counting.run())
            for _ in range(RESTARTS):
                await asyncio.sleep(_BETWEEN)
                began = time.monotonic()
                await server.stop()
                await server.start()
                down.append(time.monotonic() - began)
            await asyncio.sleep(_BETWEEN)
            task.cancel()
            await asyncio.wait([task])
            await counting.settle()
            async with _connected(server, folder, "late") as (late,):
                await late.client.rooms.join(room.id)
                result = await counting.check(late)
    finally:
        await server.stop()
    for problem in result.problems:
        print(problem, file=sys.stderr)
    away = counting.reconnections
    return [
        f"{RESTARTS} restarts under traffic, {PEOPLE} clients, {result.sent} messages",
        f"connected again after {statistics.median(away):.2f} s, at most {max(away):.2f}",
        f"down for {statistics.median(down):.2f} s, at most {max(down):.2f}",
        "",
        "lost 0, <= 3 s",
        f"lost {result.lost}, {len(away)} reconnections, load average {os.getloadavg()[0]:.1f}",
    ]
