"""Run the measurements and print one table: `python -m bench [NAME …] [--rounds N] [--on PROGRAM]`.

No name: all of them. No program: each that a measurement knows.
"""

import argparse
import platform
import sys
from collections.abc import Callable

from bench import (
    archive,
    backup,
    bodies,
    churn,
    encryption,
    idle,
    inspection,
    keystrokes,
    lines,
    load,
    long_history,
    nodes,
    reconnects,
    running,
    sealed,
    second_factor,
    serving,
    shared_store,
    timeline,
    upgrade,
    workers,
)
from bench.durability import durability
from bench.logins import logins
from bench.programs import PROGRAMS
from bench.startup import startup

HEADS = ["what", "Parlour", "baseline", "ratio: median (min..max)", "goal", "also"]


def main() -> int:
    """Measure what was asked for."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("names", nargs="*")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--on", action="append", choices=PROGRAMS, default=[], help="only this one's server")
    given = options.parse_args()
    programs = [PROGRAMS[name] for name in given.on]
    benches: dict[str, Callable[[], list[list[str]]]] = {
        "fanout": lambda: serving.fanout(given.rounds, programs),
        "busy": lambda: serving.busy(given.rounds, programs),
        "durable": lambda: serving.durable(given.rounds, programs),
        "durability": durability,
        "shared": shared_store.rows,
        "nodes": nodes.rows,
        "workers": lambda: workers.rows(given.rounds),
        "memory": lambda: serving.memory(programs),
        "idle": lambda: idle.rows(given.rounds),
        "churn": lambda: churn.rows(programs),
        "handshakes": lambda: serving.handshakes(given.rounds, programs),
        "reconnects": lambda: reconnects.rows(given.rounds),
        "logins": logins,
        "inspection": inspection.rows,
        "upgrade": upgrade.rows,
        "history": long_history.rows,
        "factor": second_factor.rows,
        "bodies": lambda: bodies.rows(given.rounds),
        "startup": startup,
        "timeline": timeline.rows,
        "typing": keystrokes.rows,
        "archive": archive.rows,
        "backup": backup.rows,
        "running": running.rows,
        "lines": lambda: lines.rows(given.rounds),
        "sealed": lambda: sealed.rows(given.rounds),
        "sending": encryption.sending,
        "bigroom": encryption.big_room,
        "backlog": lambda: encryption.backlog(rounds=given.rounds),
    }
    if unknown := set(given.names) - benches.keys():
        options.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(benches)}")
    load.build()
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}\n")
    for row in [HEADS, ["---"] * len(HEADS)]:
        print("| " + " | ".join(row) + " |")
    for name in given.names or benches:
        for row in benches[name]():
            print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
