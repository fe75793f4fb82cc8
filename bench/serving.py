"""What a server costs: fan-out, busy rooms, durable sends, memory, handshakes; ratios where a baseline is."""

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import people, servers
from bench.load import Load
from bench.programs import CHAT, RELAY, TICKER, Program

Row = dict[str, Any]
Case = tuple[Program, str]
"""A program, and the event loop that its server runs on."""

LOOPS = ("fast", "asyncio")


def offer(program: Program, people_count: int, room_size: int, offered: Load, loop: str) -> Row:
    """Fill a new server of this program, start it, and offer it the load."""
    if offered.mode == "rate" and not program.message:
        offered = replace(offered, mode="listen", rate=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = servers.make_data(program, folder)
        filled = asyncio.run(program.fill(data, people_count, room_size))
        with servers.running(program, data, loop=loop) as server:
            tickets = asyncio.run(people.tickets(data, server.port, filled.sessions))
            options = program.options(folder, tickets, filled, joins=offered.mode != "connect")
            return offered.run(server, *options)


def _baseline(offered: Load) -> Row:
    with (
        tempfile.TemporaryDirectory() as name,
        servers.baseline(servers.make_data(CHAT, Path(name))) as server,
    ):
        return offered.run(server)


class Paired:
    """Rounds in which the baseline and each case took the load in turn."""

    def __init__(self, offered: Load, cases: Sequence[Case], *, rounds: int) -> None:
        """Measure."""
        self.baseline: list[Row] = []
        self.of: dict[Case, list[Row]] = {case: [] for case in cases}
        for _ in range(rounds):
            self.baseline.append(_baseline(offered))
            for program, loop in cases:
                size = offered.connections
                self.of[program, loop].append(offer(program, size, size, offered, loop))

    def row(self, case: Case, what: str, of: Callable[[Row], float], unit: str, goal: str) -> list[str]:
        """Return the first columns of a row: the figure, the baseline's, and the ratio in each round."""
        ours = [of(row) for row in self.of[case]]
        bare = [of(row) for row in self.baseline]
        ratios = [a / b for a, b in zip(ours, bare, strict=True)]
        figures = [f"{spread(found, 1 if unit == 'us' else 0)} {unit}" for found in (ours, bare)]
        return [", ".join([what, case[0].name, case[1]]), *figures, spread(ratios), goal]

    def late(self, case: Case) -> str:
        """Return what was lost and how late the slowest percent came."""
        rows = self.of[case]
        return f"lost {sum(r['lost'] for r in rows)}, p99 {max(r['p99_ms'] for r in rows):.1f} ms"


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


def _cases(programs: Sequence[Program], *measured: Program, loops: Sequence[str] = LOOPS) -> list[Case]:
    """Return the programs that were asked for (none: all) and that this is measured on."""
    return [(one, loop) for one in measured if not programs or one in programs for loop in loops]


def fanout(rounds: int, programs: Sequence[Program] = ()) -> list[list[str]]:
    """500 members, 20 messages/s: server CPU per delivery, as a ratio."""
    found = Paired(Load(500, rate=20), _cases(programs, CHAT, RELAY, TICKER), rounds=rounds)
    limits = {"fast": "<= 0.67", "asyncio": "<= 0.87"}
    return [
        [*found.row(case, "fan-out 500 x 20/s", cpu_per_delivery, "us", limits[case[1]]), found.late(case)]
        for case in found.of
    ]


def busy(rounds: int, programs: Sequence[Program] = ()) -> list[list[str]]:
    """500 members, 200 messages/s, and 16 senders in a closed loop: deliveries per CPU-second, as a ratio."""
    table = []
    for name, offered, limit in (
        ("busy room 500 x 200/s", Load(500, rate=200), ">= 2.7; p99 <= 30 ms"),
        ("closed loop, 16 senders", Load(500, senders=16, mode="closed"), ">= 9"),
    ):
        found = Paired(offered, _cases(programs, CHAT, RELAY, loops=("fast",)), rounds=rounds)
        for case in found.of:
            row = found.row(case, name, deliveries_per_cpu_second, "/CPU-s", limit)
            table.append([*row, found.late(case)])
    return table


def memory(programs: Sequence[Program] = (), connections: int = 2000) -> list[list[str]]:
    """Idle connections: resident memory each."""
    table = []
    for program, loop in _cases(programs, CHAT, TICKER):
        row = offer(program, connections, 500, Load(connections, mode="idle", seconds=1), loop)
        what = f"idle connection at {connections:,}, {program.name}, {loop}"
        table.append([what, f"{row['kb_per_conn']:.1f} KiB", "", "", "<= 60 KiB", ""])
    return table


def handshakes(rounds: int, programs: Sequence[Program] = (), connections: int = 2000) -> list[list[str]]:
    """TLS handshake, upgrade and ticket: connections per CPU-second; the baseline asks for no ticket."""
    offered = Load(connections, mode="connect", extra=("-c", "32"))
    found = Paired(offered, _cases(programs, CHAT, TICKER), rounds=rounds)
    limits = {"fast": ">= 1,200 /CPU-s", "asyncio": ""}
    table = []
    for case, rows in found.of.items():
        row = found.row(case, "TLS + upgrade + ticket", _connects, "/CPU-s", limits[case[1]])
        table.append([*row, f"{statistics.median(r['connect_rate'] for r in rows):.0f}/s"])
    return table


def _connects(row: Row) -> float:
    return float(row["connect_per_cpu_s"])


def durable(rounds: int, programs: Sequence[Program] = ()) -> list[list[str]]:
    """100 senders in rooms of five, closed loop: acknowledged messages that are on the disk.

    Two messages under way for each: the generator waits for a message to come back, not for its
    acknowledgement, and with one the room's pace (``delivery.flush_ms``) would be all that is measured.
    """
    offered = Load(100, senders=100, mode="closed", window=2)
    cases = _cases(programs, CHAT, RELAY, loops=("fast",))
    found: dict[Case, list[Row]] = {case: [] for case in cases}
    for _ in range(rounds):
        for program, loop in cases:
            found[program, loop].append(offer(program, 100, 5, offered, loop))
    table = []
    for (program, _), rows in found.items():
        rate = spread([float(row["sent"]) / float(row["wall"]) for row in rows], 0)
        cpu = spread([float(row["sent"]) / float(row["server_cpu"]) for row in rows], 0)
        what = f"durable sends, 100 senders in rooms of 5, {program.name}"
        late = f"errors {sum(r['errors'] for r in rows)}, p50 {max(r['p50_ms'] for r in rows):.1f} ms"
        table.append([what, f"{rate} /s, {cpu} /CPU-s", "", "", ">= 8,000 /s", late])
    return table
