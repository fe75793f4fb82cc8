"""Ends a program of the tests when their process ends: killed, it can't do so itself."""

import signal
import subprocess
from pathlib import Path
from typing import Final

_WATCH: Final = """
read -r _
kill -s "$1" "$2"
for _ in 1 2 3 4 5; do kill -0 "$2" || break; sleep 1; done
rm -rf "$3"
"""
"""What it reads from is a pipe that only the process of the tests holds open."""


class Watchdog:
    """A shell that waits for the end of this process; then it ends the other and removes its folder."""

    def __init__(self, pid: int, folder: Path, how: signal.Signals = signal.SIGKILL) -> None:
        self._shell = subprocess.Popen(  # noqa: S603 - ours
            ["/bin/sh", "-c", _WATCH, "sh", how.name.removeprefix("SIG"), str(pid), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C in the terminal is for the tests
        )

    def release(self) -> None:
        """Leave both alone: the tests end the program themselves."""
        self._shell.kill()
        self._shell.communicate()
