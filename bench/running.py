"""What the whole client costs while it runs: idle, and with ten messages a second in the open room.

The real program in a pseudo-terminal of 100x40, on a real server; someone else writes. CPU is the process's
own, so that a busy machine changes it little; memory is what it has resident at the end.
"""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.archive import environment
from bench.homes import made_homes, make_room
from parlour_client.core.client import Client
from parlour_protocol.ids import RoomId

SECONDS: Final = 30.0
PER_SECOND: Final = 10


def _used(process: int) -> float:
    """Return the seconds of CPU that a process has used."""
    times = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the program on a home, in a pseudo-terminal."""
    where = environment(folder)
    loads = "import parlour_client.cli.open_chat, parlour_client.ui.app, httpx, websockets.asyncio.client"
    # compiled before, as at every start but the first: compiling takes memory that stays
    subprocess.run([sys.executable, "-c", loads], check=True, env=where)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "parlour_client", "--home", str(folder), "chat"],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=where,
    )  # fmt: skip
    os.close(slave)
    return process, master


def _resident(process: int) -> float:
    """Return the memory of a process in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.split("\n") if line.startswith("VmRSS:")) / 1024


async def measure() -> tuple[float, float, float]:
    """Return the shares of a core when idle and when busy, and the memory in MiB."""
    async with made_homes(2) as homes:
        reader, writer = await homes.home(0), await homes.home(1)
        async with homes.client(writer) as client:
            room = await make_room(homes.data, client, "busy", [0], encrypted=False)
            process, master = _start(reader.folder)
            connected, seen = asyncio.Event(), bytearray()

            def read() -> None:
                seen.extend(os.read(master, 65_536))
                if b"TLS 1.3" in seen:
                    connected.set()

            loop = asyncio.get_running_loop()
            loop.add_reader(master, read)
            try:
                await connected.wait()
                os.write(master, b"/join busy\r")
                await asyncio.sleep(5)  # it is caught up
                idle = await _share(process.pid)
                sending = asyncio.ensure_future(_send(client, room))
                busy = await _share(process.pid)
                await sending
                if f"message {int(SECONDS)}".encode() not in seen:
                    raise RuntimeError("the messages are not on the screen: the figures mean nothing")
                return idle, busy, _resident(process.pid)
            finally:
                loop.remove_reader(master)
                process.kill()
                process.wait()
                os.close(master)


async def _share(process: int) -> float:
    before = _used(process)
    await asyncio.sleep(SECONDS)
    return (_used(process) - before) / SECONDS


async def _send(client: Client, room: RoomId) -> None:
    for number in range(int(SECONDS * PER_SECOND)):
        await client.messages.send(room, f"message {number}: the quick brown fox jumps over the lazy dog")
        await asyncio.sleep(1 / PER_SECOND)


def rows() -> list[list[str]]:
    """Measure for the table of all measurements."""
    idle, busy, memory = asyncio.run(measure())
    return [
        ["client, idle", f"{idle:.1%} of a core", "", "", "< 1 %", f"{SECONDS:.0f} s"],
        [f"client, {PER_SECOND} messages/s in the open room", f"{busy:.1%} of a core", "", "", "<= 6 %", ""],
        ["memory of the client then", f"{memory:.0f} MiB", "", "", "<= 90 MB", ""],
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
