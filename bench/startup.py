"""How long commands take to start: wall time of `--help` from fork to exit, and of `run` until it listens."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.programs import PROGRAMS, Program

RUNS = 10


def startup() -> list[list[str]]:
    """Measure the commands as installed: one run before warms the disk's cache and compiles the modules.

    They are compiled into a folder of its own, also where the environment forbids Python to write them.
    """
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        helps = [
            _row(f"`{command} --help`", 150, lambda command=command: _help(command, environment))
            for command in ("parlour", "parlour room", "parlour send", "parlour-server")
        ]
        runs = [_listening(program, Path(compiled), environment) for program in PROGRAMS.values()]
        return [*helps, *runs]


def _row(what: str, goal: int, measure: Callable[[], float]) -> list[str]:
    taken = [measure() for _ in range(RUNS + 1)][1:]
    figure = f"{statistics.median(taken):.0f} ms ({min(taken):.0f}..{max(taken):.0f})"
    return [f"{what}, {RUNS} runs", figure, "", "", f"median <= {goal} ms", ""]


def _listening(program: Program, folder: Path, environment: dict[str, str]) -> list[str]:
    data = folder / f"{program.word}-data"
    command = [sys.executable, "-m", program.module]
    subprocess.run(
        [*command, "init", "--data", data],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=program.folder,
        env=environment,
    )
    command += ["run", "--data", str(data), "--listen", "127.0.0.1:0", "--ready-fd"]
    return _row(
        f"`{program.module} run` until it listens",
        500,
        lambda: _run(command, program.folder, environment),
    )


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as ready:
        before = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(writing)],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        os.close(writing)
        said = ready.readline()
        taken = time.perf_counter() - before
    process.terminate()
    process.wait()
    if not said:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode} before it listened")
    return taken * 1000


def _help(command: str, environment: dict[str, str]) -> float:
    program, *words = command.split()
    before = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name(program), *words, "--help"],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    return (time.perf_counter() - before) * 1000
