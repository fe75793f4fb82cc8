"""What it costs to share: one server by itself, beside two workers that share PostgreSQL and NATS.

The same load on each; what counts is the CPU time of all processes of the server, so that it says what more
cores would do although the load, the database and the workers share two here.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from tools.cluster.nats import Nats
from tools.cluster.postgres import Postgres

from bench import people, servers
from bench.load import Load
from bench.logins import pings_during
from bench.people import Filled
from bench.programs import CHAT
from bench.serving import Row, cpu_per_delivery, spread
from parlour_server.capabilities.postgres.engine import PostgresEngine

WARM_UP = ("-W", "10")
"""Seconds after the connections came up: presence of everyone, and what is written once, is over then."""
MEMBERS = 500
SENDERS = 100
RECONNECTING = 2000
PINGING = 20


@dataclass(frozen=True)
class Shared:
    """The servers that workers share."""

    postgres: Postgres
    nats: Nats


def rows(rounds: int) -> list[list[str]]:
    """Measure a server by itself, one on PostgreSQL, and two workers; then a storm of reconnections."""
    with tempfile.TemporaryDirectory() as folder, _shared(Path(folder)) as shared:
        places = (Path(folder) / str(number) for number in count())
        cases = {"by itself": (None, 1), "on PostgreSQL": (shared, 1), "2 workers": (shared, 2)}
        found: dict[str, list[tuple[Row, Row]]] = {case: [] for case in cases}
        for _ in range(rounds):
            for case, (where, workers) in cases.items():
                found[case].append(
                    (_fan_out(next(places), where, workers), _send(next(places), where, workers))
                )
        storm = _storm(next(places), shared)
    table = []
    for what, goal, index, cost in (
        (f"fan-out {MEMBERS} x 20/s at each", "<= 1.1 of one by itself", 0, cpu_per_delivery),
        (f"durable sends, {SENDERS} senders in rooms of 5", "", 1, _cpu_per_send),
    ):
        bare = [cost(pair[index]) for pair in found["by itself"]]
        for case in ("on PostgreSQL", "2 workers"):
            ours = [cost(pair[index]) for pair in found[case]]
            ratios = [a / b for a, b in zip(ours, bare, strict=True)]
            errors = sum(pair[index]["errors"] for pair in found[case])
            also = f"errors {errors}"
            if case == "2 workers":
                one = statistics.median(cost(pair[index]) for pair in found["on PostgreSQL"])
                also += f"; two cores do {2 * one / statistics.median(ours):.2f} times what one does"
            figures = [f"{spread(found, 1)} us" for found in (ours, bare)]
            table.append([f"{what}, {case}", *figures, spread(ratios), goal, also])
    return [*table, storm]


def _cpu_per_send(row: Row) -> float:
    return float(row["server_cpu"]) / float(row["sent"]) * 1e6


def _fan_out(place: Path, shared: Shared | None, workers: int) -> Row:
    """Fill one room so that each worker has its members."""
    offered = Load(MEMBERS * workers, rate=20, seconds=8, extra=WARM_UP)
    return _offer(place, shared, workers, offered, offered.connections)


def _send(place: Path, shared: Shared | None, workers: int) -> Row:
    return _offer(
        place, shared, workers, Load(SENDERS, senders=SENDERS, mode="closed", window=2, extra=WARM_UP), 5
    )


def _offer(place: Path, shared: Shared | None, workers: int, offered: Load, room_size: int) -> Row:
    data = _make_data(place, shared)
    filled = asyncio.run(_fill(data, offered.connections, room_size, shared))
    with servers.running(CHAT, data, workers=workers) as server:
        pids = [one.pid for one in psutil.Process(server.pid).children()] if workers > 1 else [server.pid]
        tickets = asyncio.run(people.tickets(data, server.port, filled.sessions))
        options = CHAT.options(place, tickets, filled)
        return offered.run(server, "-P", ",".join(map(str, pids)), *options)


def _storm(place: Path, shared: Shared) -> list[str]:
    """Connect everyone of a node that is gone to another one at once, while others ping that one.

    They have their tickets already: the load's core could not ask for them as quickly as they would.
    """
    data = _make_data(place, shared)
    filled = asyncio.run(_fill(data, RECONNECTING, 20, shared))
    storm = Load(RECONNECTING, mode="connect", extra=("-c", str(RECONNECTING)))
    with servers.running(CHAT, data) as node:
        tickets = asyncio.run(people.tickets(data, node.port, filled.sessions))
        pinging = asyncio.run(people.tickets(data, node.port, [filled.sessions[0]] * PINGING))
        options = CHAT.options(place, tickets, filled, joins=False)
        taken, row = asyncio.run(pings_during(data, node.port, pinging, lambda: storm.run(node, *options)))
    p50, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    return [
        f"{RECONNECTING:,} connect at once to a node",
        f"all within {row['connect_s']:.1f} s, {row['connect_server_cpu']:.1f} s of CPU",
        "",
        "",
        "within 10 s; p99 < 250 ms",
        f"pings of others meanwhile: p50 {p50:.1f} ms, p99 {p99:.0f} ms",
    ]


@contextmanager
def _shared(folder: Path) -> Iterator[Shared]:
    shared = Shared(Postgres(folder), Nats(folder))

    async def start() -> None:
        await shared.postgres.start()
        await shared.nats.start()

    asyncio.run(start())
    try:
        yield shared
    finally:
        asyncio.run(shared.nats.process.kill())
        asyncio.run(shared.postgres.close())


def _make_data(place: Path, shared: Shared | None) -> Path:
    data = place / "data"
    command = [sys.executable, "-m", CHAT.module, "init", "--data", str(data)]
    more = ""
    if shared is not None:
        name = f"bench{os.urandom(4).hex()}"
        asyncio.run(shared.postgres.create_database(name))
        url, file = shared.postgres.url(name), str(shared.postgres.password_file)
        command += ["--database", url, "--database-password-file", file, "--bus", shared.nats.url()]
        more = f"[database]\nurl = {json.dumps(url)}\npassword_file = {json.dumps(file)}\n"
        more += f"[bus]\nurl = {json.dumps(shared.nats.url())}\n"
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (data / "parlour.toml").write_text(servers.CONFIGURATION + CHAT.rates + more)
    return data


async def _fill(data: Path, count: int, room_size: int, shared: Shared | None) -> Filled:
    if shared is None:
        return await people.fill_chat(data, count, room_size)
    settings: dict[str, Any] = _database_of(data)
    engine = PostgresEngine(settings["url"], Path(settings["password_file"]))
    return await people.fill_chat(data, count, room_size, engine)


def _database_of(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((data / "parlour.toml").read_text())["database"]
    return found
