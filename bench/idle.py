"""What a server costs while its people are connected and nobody writes: CPU, and memory."""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench import people, servers
from bench.load import Load
from bench.programs import CHAT
from bench.serving import LOOPS, spread

PEOPLE, ROOM_SIZE = 500, 25
SETTLING, SECONDS = 10.0, 60.0


def rows(rounds: int) -> list[list[str]]:
    """500 people in rooms of 25, connected for a minute without a word: the server's CPU and its memory."""
    table = []
    for loop in LOOPS:
        found = [_idle(loop) for _ in range(rounds)]
        cpu = spread([share for share, _ in found])
        memory = spread([resident for _, resident in found], 0)
        what = f"{PEOPLE} people connected, nobody writes, {loop}"
        table.append([what, f"{cpu} % of a core, {memory} MiB", "", "", "<= 2 %, <= 120 MB", ""])
    return table


def _idle(loop: str) -> tuple[float, float]:
    """Return the percentage of a core, and MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = servers.make_data(CHAT, folder)
        filled = asyncio.run(people.fill_chat(data, PEOPLE, ROOM_SIZE))
        with servers.running(CHAT, data, loop=loop) as server:
            tickets = asyncio.run(people.tickets(data, server.port, filled.sessions))
            options = CHAT.options(folder, tickets, filled)
            offered = Load(PEOPLE, mode="idle", seconds=SETTLING + SECONDS + 5)
            connected = threading.Thread(target=offered.run, args=(server, *options))
            connected.start()
            time.sleep(SETTLING)
            before, began = _cpu_seconds(server.pid), time.monotonic()
            time.sleep(SECONDS)
            used, wall = _cpu_seconds(server.pid) - before, time.monotonic() - began
            resident = server.resident()
            connected.join()
    return used / wall * 100, resident


def _cpu_seconds(pid: int) -> float:
    """Return the CPU that all threads of the process have used, the kernel's part included."""
    fields: Sequence[str] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
