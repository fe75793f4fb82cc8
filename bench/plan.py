"""What many connections would need, from the measured costs of one: `python -m bench.plan [CONNECTIONS …]`.

A calculation, not a measurement: it says what a node, PostgreSQL and NATS would be busy with, and what is
full first. docs/explanation/scale.md has its table, and where each cost comes from.
"""

import argparse
import math
from dataclasses import dataclass
from typing import Final

NODE_CORE: Final = 0.6
"""How much of a core a node uses before another is added: the rest is for reconnecting clients."""
NODE_CONNECTIONS: Final = 20_000
"""The most connections of a node: its memory, and how many must come back when it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured, in seconds of CPU and bytes."""

    connection: float = 57 * 1024
    idle: float = 4.7e-6
    """For a second of an idle connection."""
    delivery: float = 13.8e-6
    append: float = 20.5e-6
    """For an event, in the node that appends it."""
    database: float = 1 / 28_300
    """For an event, in PostgreSQL."""
    handshake: float = 1 / 930
    """TLS, upgrade and ticket."""
    send: float = 12.6e-6
    """To the bus, once for an event."""
    receive: float = 16.1e-6
    """From the bus, at each node that has a member."""
    pass_on: float = 4.0e-6
    """In NATS, for each node that gets it."""
    event_bytes: int = 350
    """Of an event on the bus."""
    node: float = 6e-3
    """For a second of a node among others: its lease, what it reads of the others, its positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What people do."""

    room: int = 20
    """Connections that get a message."""
    between: float = 300.0
    """Seconds between two messages of one connection."""


def plan(connections: int, costs: Costs, use: Use) -> list[str]:
    """Return a row of the table."""
    events = connections / use.between
    deliveries = events * use.room
    without_receiving = (
        connections * costs.idle + deliveries * costs.delivery + events * (costs.append + costs.send)
    )
    nodes, cpu, copies = 0, math.inf, 0.0
    while cpu > nodes * NODE_CORE or connections > nodes * NODE_CONNECTIONS:
        nodes += 1
        # an event reaches every node with a member of its room: placed at random, almost one for each
        copies = nodes * (1 - (1 - 1 / nodes) ** use.room) if nodes > 1 else 0.0
        cpu = without_receiving + events * copies * costs.receive + nodes * costs.node
    each = connections / nodes
    back = each * costs.handshake / ((1 - NODE_CORE) * max(1, nodes - 1))
    return [
        f"{connections:,}",
        f"{nodes:,}",
        f"{each * costs.connection / 2**30:.1f} GiB",
        f"{cpu / nodes:.2f}",
        f"{events:,.0f}",
        f"{events * costs.database:.2f}",
        f"{deliveries:,.0f}",
        f"{events * copies:,.0f} ({events * copies * costs.event_bytes * 8 / 1e6:,.0f} Mbit/s)",
        f"{events * copies * costs.pass_on:.2f}",
        f"{max(back, 1):,.0f} s" if nodes > 1 else "none is left",
    ]


HEADS: Final = [
    "connections",
    "nodes",
    "memory each",
    "cores each",
    "events/s",
    "cores of PostgreSQL",
    "deliveries/s",
    "notices/s through NATS",
    "cores of NATS",
    "a node fails: all back within",
]


def table(connections: list[int], use: Use) -> str:
    """Return the table, in Markdown."""
    rows = [HEADS, ["---"] * len(HEADS), *(plan(number, Costs(), use) for number in connections)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Print it."""
    options = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__)
    options.add_argument("connections", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    options.add_argument("--room", type=int, default=Use().room, help="connections that get a message")
    options.add_argument(
        "--between", type=float, default=Use().between, help="seconds between messages of one"
    )
    given = options.parse_args()
    print(table(given.connections, Use(room=given.room, between=given.between)))


if __name__ == "__main__":
    main()
