"""Search over a million archived messages, and the whole client started on a hundred thousand.

The archive is filled below its own interface, since a server that sends a million messages would be measured
instead. The start is the real program in a pseudo-terminal without a server, timed from exec until the newest
message is on the screen.
"""

import asyncio
import json
import os
import pty
import random
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive, known_rooms, search, search_index
from parlour_client.core.search_query import parse
from parlour_client.kit.account.profile import Profile
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

ME = parse_user_name("alice")
ROOMS: Final = [RoomId(letter * 22) for letter in "ABCDEFGHIJ"]
COMMON: Final = (
    "the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "parlour", "clock",
    "strikes", "seven", "in", "evening", "honey", "bees", "garden", "tea", "lobby", "message", "server",
    "room", "night", "morning", "river", "stone", "light", "paper", "window",
)  # fmt: skip
SEARCHES: Final = (
    "the", "t", "honey bees", "w123", '"honey bees garden"', "from:user3 honey", "in:room-c honey",
    "in:room-c from:user4 honey w17", "is:mention", "is:unread", "is:starred", "has:link honey",
    "before:2020-10-01 honey", "nosuchword the",
)  # fmt: skip
NEWEST: Final = "the newest of all"
RUNS: Final = 5
PATIENCE: Final = 20.0


def fill(connection: apsw.Connection, count: int) -> None:
    """Write ``count`` messages of fifty people in ten rooms, a second apart."""
    chance = random.Random(1)  # noqa: S311 - the same every time
    each = count // len(ROOMS)
    for room in ROOMS:
        summary = {
            "room": room, "kind": "public", "role": "member", "head": each, "read": each, "members": 3,
            "name": f"room-{room[0].lower()}",
        }  # fmt: skip
        query = "INSERT OR REPLACE INTO rooms (id, summary, entered, top) VALUES (?, ?, 1, ?)"
        connection.execute(query, (room, json.dumps(summary), each))
    event = """
        INSERT INTO events (id, room, seq, at, author, device, kind, is_row, mention, body)
        VALUES (?, ?, ?, ?, ?, 'laptop', 'message', 1, 0, ?)"""
    words = "INSERT INTO words (rowid, text, facts) VALUES (?, ?, ?)"
    for number in range(count):
        room, author = ROOMS[number % len(ROOMS)], f"user{chance.randrange(50)}"
        rare = f"w{int(chance.paretovariate(0.3)) % 20_000}"
        text = NEWEST if number >= count - len(ROOMS) else " ".join([*chance.choices(COMMON, k=8), rare])
        at = 1_600_000_000_000 + number * 1_000
        body = encode_body(Message(MessageText(text))).decode()
        connection.execute(event, (at << 20, room, number // len(ROOMS) + 1, at, author, body))
        facts = f"{search_index.ANY} {search_index.room_fact(room)} {search_index.author_fact(author)}"
        connection.execute(words, (at << 20, text, facts))


async def _made(home: ChatHome, count: int) -> Archive:
    archive = await Archive.open(home.archive, home.key)
    await archive.write(fill, count)
    profile = Profile(
        server="127.0.0.1:9", user=ME, device=parse_device_name("laptop"), session=Secret("x" * 43)
    )
    await ArchivedProfile(archive).save(profile)
    return archive


async def _searched(count: int) -> tuple[float, float, str]:
    """Return the slowest median and the slowest of all, in milliseconds, and which search it was."""
    with tempfile.TemporaryDirectory() as folder:
        archive = await _made(ChatHome(Path(folder) / "home"), count)
        names = await archive.read(known_rooms.names)
        slowest = (0.0, 0.0, "")
        for words in SEARCHES:
            query = parse(words, lambda name: [room for room, known in names if known == name], Millis(1))
            taken = []
            for _ in range(RUNS):
                start = time.perf_counter()
                await archive.read(search.search, query, ME, 50)
                taken.append((time.perf_counter() - start) * 1000)
            slowest = max(slowest, (statistics.median(taken), max(taken), words))
        await archive.close()
        return slowest


def started(count: int) -> tuple[list[float], list[float], float]:
    """Start the client on an archive of ``count`` messages.

    Returns each run's seconds by the clock and of CPU, and the most memory in MiB.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = ChatHome(Path(folder) / "home")
        asyncio.run(_close(home, count))
        runs = [_start(home.folder) for _ in range(RUNS + 1)][1:]  # the first one warms the disk's cache
        return [run[0] for run in runs], [run[1] for run in runs], max(run[2] for run in runs)


async def _close(home: ChatHome, count: int) -> None:
    await (await _made(home, count)).close()


def _start(folder: Path) -> tuple[float, float, float]:
    master, slave = pty.openpty()
    before = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "parlour_client", "--home", str(folder), "chat"],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=environment(folder),
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while NEWEST.encode() not in seen:
        left = before + PATIENCE - time.perf_counter()
        if left < 0 or not select.select([master], [], [], left)[0]:
            process.kill()
            raise TimeoutError(f"the client does not show the newest message: {seen[-400:]!r}")
        seen += os.read(master, 65_536)
    seconds = time.perf_counter() - before
    status = Path(f"/proc/{process.pid}/status").read_text()
    memory = next(int(line.split()[1]) for line in status.split("\n") if line.startswith("VmRSS:"))
    times = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    process.kill()
    process.wait()
    os.close(master)
    return seconds, cpu, memory / 1024


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which Python keeps its compiled files, as it does for everyone else."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    shape = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    return kept | shape | {"PYTHONPYCACHEPREFIX": str(folder.parent / "compiled")}


def rows() -> list[list[str]]:
    """Measure both for the table of all measurements."""
    middle, worst, words = asyncio.run(_searched(1_000_000))
    found = [
        f"search over 1,000,000 messages, slowest of {len(SEARCHES)} kinds", f"{middle:.0f} ms", "", "",
        "<= 50 ms", f"`{words}`; worst of {RUNS} runs {worst:.0f} ms",
    ]  # fmt: skip
    seconds, cpu, memory = started(100_000)
    start = [
        "start on 100,000 messages until the newest is on the screen",
        f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}..{max(seconds):.2f})", "", "", "<= 1 s",
        f"{statistics.median(cpu):.2f} s CPU",
    ]  # fmt: skip
    seconds, cpu, _less = started(10_000)
    smaller = [
        "the same on 10,000",
        f"{statistics.median(cpu):.2f} s CPU ({min(cpu):.2f}..{max(cpu):.2f})", "", "", "<= 0.8 s CPU",
        f"{statistics.median(seconds):.2f} s",
    ]  # fmt: skip
    return [
        found,
        start,
        smaller,
        ["memory of the client then", f"{memory:.0f} MiB", "", "", "<= 120 MB", ""],
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MiB")
