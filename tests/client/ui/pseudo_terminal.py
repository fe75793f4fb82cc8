"""A real pseudo-terminal for tests: run a script in it, collect every byte that it writes, press keys.

It waits for a marker in the output, never for a time. Only tests use it.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Any

import psutil
from tests.forked import ForkedPython

DEADLINE = 120.0
"""Seconds after which a test gives up."""
QUIT = b"\x11"
MODES = (1000, 1003, 1004, 1006, 1015, 1049, 2004)
"""What a program takes from a terminal and gives back: the mouse, focus, the other screen, pastes."""


class Terminal:
    """One program in one pseudo-terminal."""

    def __init__(
        self,
        script: Path,
        *args: str,
        columns: int,
        rows: int,
        env: dict[str, str] | None = None,
        cell: tuple[int, int] = (0, 0),
    ) -> None:
        self._master, slave = pty.openpty()
        pixels = (columns * cell[0], rows * cell[1])
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, *pixels))
        # COLUMNS and LINES, which parallel test runners set, would win over the terminal's own size.
        # People run programs with a buffer behind standard error, which many containers switch off.
        not_passed_on = {"COLUMNS", "LINES", "PYTHONUNBUFFERED"}
        inherited = {key: value for key, value in os.environ.items() if key not in not_passed_on}
        whole = inherited | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | (env or {})
        self._began_as = termios.tcgetattr(self._master)  # before the program can have changed it
        files = {0: slave, 1: slave, 2: slave}
        self._process = ForkedPython([str(script), *args], files=files, env=whole, start_new_session=True)
        os.close(slave)
        self.output = b""
        self._ended_as: list[Any] = []

    @property
    def is_given_back(self) -> bool:
        """Whether the program, which is ``finish``ed, left the terminal as it had found it."""
        taken = {number for number in MODES if f"\x1b[?{number}h".encode() in self.output}
        back = {one for one in taken if _last(self.output, one, b"l") > _last(self.output, one, b"h")}
        seen = _last(self.output, 25, b"h") >= _last(self.output, 25, b"l")
        return seen and back == taken and self._ended_as == self._began_as

    def read_until(self, marker: bytes, *, after: int = 0) -> None:
        """Collect output until the marker was written behind position ``after``."""
        end = time.monotonic() + DEADLINE
        while marker not in self.output[after:]:
            if not self._read(end):
                raise AssertionError(f"{marker!r} never came; last: {self.output[-300:]!r}")

    def rests(self) -> None:
        """Wait until the program waits for keys, where the system tells.

        A signal between the last step of Python and the call that reads is heard after the next key only.
        """
        end, program = time.monotonic() + DEADLINE, psutil.Process(self._process.pid)
        while sys.platform == "linux" and program.status() != psutil.STATUS_SLEEPING:
            assert time.monotonic() < end, "it never rests"
            time.sleep(0.01)  # another process: there is no event to wait for

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def vanish(self) -> None:
        """Be gone, as when the program that holds the terminal is killed."""
        os.close(self._master)

    def wait(self) -> int:
        """Wait for the program's end without reading; return the exit code."""
        return self._process.wait(timeout=DEADLINE)

    def kill(self) -> None:
        """End a program that a failed test left behind."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def finish(self, keys: bytes = QUIT) -> int:
        """Quit, collect the rest, and return the exit code."""
        if keys:
            self.press(keys)
        end = time.monotonic() + DEADLINE
        while self._read(end):
            pass
        self._ended_as = termios.tcgetattr(self._master)
        os.close(self._master)
        return self._process.wait(timeout=DEADLINE)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            self._process.kill()
            raise AssertionError(f"nothing more came; last: {self.output[-300:]!r}")
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux: the program closed its side
            return False
        self.output += data
        return bool(data)


def _last(output: bytes, mode: int, end: bytes) -> int:
    return output.rfind(b"\x1b[?%d" % mode + end)
