"""Programs that tools start on this machine: none is left when who started it has been killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

STARTER = """
import sys, time
from pathlib import Path
from tools.cluster.process import Process
program = Process("sleep", ["sleep", "600"], Path(sys.argv[1]))
program.spawn()
print(program.pid, flush=True)
time.sleep(600)
"""
DEADLINE = 60.0


def test_a_program_ends_with_who_started_it(tmp_path: Path) -> None:
    """Also if that is killed, and can clean nothing up."""
    starter = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-c", STARTER, str(tmp_path / "log")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert psutil.pid_exists(pid)
        starter.send_signal(signal.SIGKILL)
    end = time.monotonic() + DEADLINE
    while psutil.pid_exists(pid):
        assert time.monotonic() < end
        time.sleep(0.01)
