"""The chat's figures: fan-out, a busy room, durable sends, memory, handshakes; ratios where a baseline is."""

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import load, people, servers
from bench.load import Load

Row = dict[str, Any]


def parlour(people_count: int, room_size: int, offered: Load, loop: str) -> Row:
    """Fill a new server, start it, and offer it the load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = servers.make_data(folder)
        filled = asyncio.run(people.fill(data, people_count, room_size=room_size))
        with servers.parlour(data, loop=loop) as server:
            tickets = asyncio.run(people.tickets(data, server.port, filled.sessions))
            return offered.run(server, *load.parlour_options(folder, tickets, list(filled.rooms)))


def _baseline(offered: Load) -> Row:
    with tempfile.TemporaryDirectory() as name, servers.baseline(servers.make_data(Path(name))) as server:
        return offered.run(server)


def paired(offered: Load, *, rounds: int, loops: Sequence[str]) -> dict[str, list[Row]]:
    """Run the baseline and Parlour on each loop in turn, ``rounds`` times."""
    found: dict[str, list[Row]] = {"baseline": []} | {loop: [] for loop in loops}
    for _ in range(rounds):
        found["baseline"].append(_baseline(offered))
        for loop in loops:
            found[loop].append(parlour(offered.connections, offered.connections, offered, loop))
    return found


def ratio(rows: dict[str, list[Row]], loop: str, of: Callable[[Row], float]) -> list[float]:
    """Return Parlour's figure over the baseline's, round by round."""
    return [of(ours) / of(bare) for ours, bare in zip(rows[loop], rows["baseline"], strict=True)]


def cpu_per_delivery(row: Row) -> float:
    """Microseconds of server CPU for one delivery."""
    return float(row["server_cpu"]) / float(row["deliveries"]) * 1e6


def deliveries_per_cpu_second(row: Row) -> float:
    """Deliveries for one second of server CPU."""
    return float(row["deliveries"]) / float(row["server_cpu"])


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write median, lowest and highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def fanout(rounds: int, loops: Sequence[str] = ("fast", "asyncio")) -> list[list[str]]:
    """500 members, 20 messages/s: server CPU per delivery, as a ratio."""
    rows = paired(Load(500, rate=20), rounds=rounds, loops=loops)
    limits = {"fast": "<= 0.67", "asyncio": "<= 0.87"}
    return [
        [
            f"fan-out 500 x 20/s, {loop}",
            f"{spread([cpu_per_delivery(r) for r in rows[loop]], 1)} us",
            f"{spread([cpu_per_delivery(r) for r in rows['baseline']], 1)} us",
            spread(ratio(rows, loop, cpu_per_delivery)),
            limits[loop],
            f"lost {sum(r['lost'] for r in rows[loop])}, p99 {max(r['p99_ms'] for r in rows[loop]):.1f} ms",
        ]
        for loop in loops
    ]


def busy(rounds: int) -> list[list[str]]:
    """500 members, 200 messages/s, and 16 senders in a closed loop: deliveries per CPU-second, as a ratio."""
    table = []
    for name, offered, limit in (
        ("busy room 500 x 200/s", Load(500, rate=200), ">= 2.7; p99 <= 30 ms"),
        ("closed loop, 16 senders", Load(500, senders=16, mode="closed"), ">= 9"),
    ):
        rows = paired(offered, rounds=rounds, loops=("fast",))
        ours = rows["fast"]
        table.append(
            [
                name,
                f"{spread([deliveries_per_cpu_second(r) for r in ours], 0)} /CPU-s",
                f"{spread([deliveries_per_cpu_second(r) for r in rows['baseline']], 0)} /CPU-s",
                spread(ratio(rows, "fast", deliveries_per_cpu_second)),
                limit,
                f"lost {sum(r['lost'] for r in ours)}, p99 {max(r['p99_ms'] for r in ours):.1f} ms",
            ]
        )
    return table


def memory(connections: int = 2000) -> list[list[str]]:
    """Idle connections: resident memory each."""
    table = []
    for loop in ("fast", "asyncio"):
        row = parlour(connections, 500, Load(connections, mode="idle", seconds=1), loop)
        table.append(
            [
                f"idle connection at {connections:,}, {loop}",
                f"{row['kb_per_conn']:.1f} KiB",
                "",
                "",
                "<= 60 KiB",
                "",
            ]
        )
    return table


def handshakes(rounds: int, connections: int = 2000) -> list[list[str]]:
    """TLS handshake, upgrade and ticket: connections per CPU-second; the baseline asks for no ticket."""
    rows = paired(
        Load(connections, mode="connect", extra=("-c", "32")), rounds=rounds, loops=("fast", "asyncio")
    )
    table = []
    for loop, limit in (("fast", ">= 1,200 /CPU-s"), ("asyncio", "")):
        table.append(
            [
                f"TLS + upgrade + ticket, {loop}",
                f"{spread([_connects(r) for r in rows[loop]], 0)} /CPU-s",
                f"{spread([_connects(r) for r in rows['baseline']], 0)} /CPU-s",
                spread(ratio(rows, loop, _connects)),
                limit,
                f"{statistics.median(r['connect_rate'] for r in rows[loop]):.0f}/s",
            ]
        )
    return table


def _connects(row: Row) -> float:
    return float(row["connect_per_cpu_s"])


def durable(rounds: int) -> list[list[str]]:
    """100 senders in rooms of five, closed loop: acknowledged messages that are on the disk.

    Two messages under way for each: the generator waits for a message to come back, not for its
    acknowledgement, and with one the room's pace (``delivery.flush_ms``) would be all that is measured.
    """
    offered = Load(100, senders=100, mode="closed", window=2)
    rows = [parlour(100, 5, offered, "fast") for _ in range(rounds)]
    rate = [float(row["sent"]) / float(row["wall"]) for row in rows]
    cpu = [float(row["sent"]) / float(row["server_cpu"]) for row in rows]
    return [
        [
            "durable sends, 100 senders in rooms of 5",
            f"{spread(rate, 0)} /s, {spread(cpu, 0)} /CPU-s",
            "",
            "",
            ">= 8,000 /s",
            f"errors {sum(r['errors'] for r in rows)}, p50 {max(r['p50_ms'] for r in rows):.1f} ms",
        ]
    ]
