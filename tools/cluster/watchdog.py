"""Ends a program when the process that started it ends: killed, that one can't do so itself."""

import signal
import subprocess
from pathlib import Path
from typing import Final

_WATCH: Final = """
read -r _
kill -s "$1" "$2"
for _ in 1 2 3 4 5; do kill -0 "$2" || break; sleep 1; done
[ -z "$3" ] || rm -rf "$3"
"""
"""What it reads from is a pipe that only this process holds open."""


class Watchdog:
    """A shell that waits for the end of this process; then it ends the other, and removes its folder."""

    def __init__(self, pid: int, folder: Path | None = None, how: signal.Signals = signal.SIGKILL) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", how.name.removeprefix("SIG"), str(pid), str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C in the terminal is for this process
        )

    def release(self) -> None:
        """Leave both alone: this process has ended the program itself."""
        self._shell.kill()
        self._shell.communicate()
