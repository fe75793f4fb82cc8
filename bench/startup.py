"""How long the commands take to say what they can do: wall time of `--help`, from fork to exit."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 10


def startup() -> list[list[str]]:
    """Measure the commands as installed: one run before warms the disk's cache and compiles the modules.

    They are compiled into a folder of its own, also where the environment forbids Python to write them.
    """
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return [
            _row(command, environment)
            for command in ("parlour", "parlour room", "parlour send", "parlour-server")
        ]


def _row(command: str, environment: dict[str, str]) -> list[str]:
    taken = [_run(command, environment) for _ in range(RUNS + 1)][1:]
    figure = f"{statistics.median(taken):.0f} ms ({min(taken):.0f}..{max(taken):.0f})"
    return [f"`{command} --help`, {RUNS} runs", figure, "", "", "median <= 150 ms", ""]


def _run(command: str, environment: dict[str, str]) -> float:
    program, *words = command.split()
    before = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name(program), *words, "--help"],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    return (time.perf_counter() - before) * 1000
