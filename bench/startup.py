"""How long the commands take to say what they can do: wall time of `--help`, from fork to exit."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 10


def startup() -> list[list[str]]:
    """Measure both commands, after one run that warms the disk's cache and the compiled files."""
    return [_row(command) for command in ("parlour", "parlour-server")]


def _row(command: str) -> list[str]:
    taken = [_run(command) for _ in range(RUNS + 1)][1:]
    figure = f"{statistics.median(taken):.0f} ms ({min(taken):.0f}..{max(taken):.0f})"
    return [f"`{command} --help`, {RUNS} runs", figure, "", "", "median <= 150 ms", ""]


def _run(command: str) -> float:
    program = Path(sys.executable).with_name(command)
    before = time.perf_counter()
    subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - before) * 1000
