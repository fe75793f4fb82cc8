"""A program as a process of its own: started, paused, continued, stopped or killed, by its pid only.

What it writes is appended to one log, also when it is started again. It is in a session of its own, so a
Ctrl-C in the terminal reaches the caller and not the program. A program that still runs when this interpreter
ends is killed, also when that was killed itself.
"""

import asyncio
import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from tools.cluster.watchdog import Watchdog

START_SECONDS: Final = 60.0
"""Only a hung program takes as long to start, also on a busy machine."""
STOP_SECONDS: Final = 15.0
"""After that a program that was asked to stop is killed."""
_LOOK_AGAIN: Final = 0.01  # another process: there is no event to wait for
_LOG_END: Final = 800

_running: "weakref.WeakSet[Process]" = weakref.WeakSet()


class ProcessError(Exception):
    """A program did not do what it was started for; the text has the end of its log."""


class Process:
    """A program, which runs or not."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """``environment`` is added to this process's own at each start; root can run it as ``user``."""
        self.name: Final = name
        self.log: Final = log
        self._command = list(command)
        self._environment: Mapping[str, str] = {} if environment is None else environment
        self._user = user
        self._popen: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None
        self._paused: list[int] = []

    @property
    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        if self._popen is not None and self._popen.poll() is None:
            return True
        if self._watchdog is not None:
            self._watchdog.release()
            self._watchdog = None
        return False

    @property
    def pid(self) -> int:
        """The pid of the running program. Raises ProcessError."""
        if self._popen is None or self._popen.poll() is not None:
            raise ProcessError(f"{self.name} does not run. {self.log_end()}")
        return self._popen.pid

    def spawn(self) -> None:
        """Start it, without waiting until it is ready."""
        if self.runs:
            raise ProcessError(f"{self.name} runs already.")
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen[bytes](
                self._command,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity(self._user),
            )
        self._watchdog = Watchdog(self._popen.pid)
        _running.add(self)

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until ``ready`` says so. Raises ProcessError if the program ends first, or takes too long."""
        end = time.monotonic() + START_SECONDS
        while not ready():
            if not self.runs:
                raise ProcessError(f"{self.name} ended. {self.log_end()}")
            if time.monotonic() > end:
                raise ProcessError(f"{self.name} is not ready. {self.log_end()}")
            await asyncio.sleep(_LOOK_AGAIN)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit status. A program that doesn't is killed."""
        self.resume()
        if self.runs:
            os.kill(self.pid, how)
        if not await _within(STOP_SECONDS, lambda: not self.runs):
            await self.kill()
        return self._status()

    async def kill(self) -> None:
        """Kill it and all its children at once, as a power failure of its machine does."""
        killed = self.kill_now()
        await _within(STOP_SECONDS, lambda: not self.runs and not any(_lives(pid) for pid in killed))

    def kill_now(self) -> set[int]:
        """Kill it and return the pids, without waiting for their end."""
        pids = {*self._paused, *(self._family() if self.runs else ())}
        for pid in pids:
            _send(pid, signal.SIGSTOP)  # so that none sees another one die
        for pid in pids:
            _send(pid, signal.SIGKILL)
        self._paused = []
        return pids

    def pause(self) -> None:
        """Stop it and its children where they are: sockets stay open, nothing answers."""
        self._paused = self._family()
        for pid in self._paused:
            _send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after a pause."""
        for pid in self._paused:
            _send(pid, signal.SIGCONT)
        self._paused = []

    def family(self) -> list[psutil.Process]:
        """Return the program and its children, for example to add up what they used."""
        return [psutil.Process(pid) for pid in self._family()]

    def log_text(self) -> str:
        """Return what it has written."""
        return self.log.read_text(encoding="utf-8", errors="backslashreplace") if self.log.exists() else ""

    def log_end(self) -> str:
        """Return a sentence with the last of it."""
        return f"Its log ({self.log}) ends with: {self.log_text()[-_LOG_END:]}"

    def _family(self) -> list[int]:
        """Return the pids of the program and its children, parents first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self.pid, *(one.pid for one in psutil.Process(self.pid).children(recursive=True))]
        return []

    def _status(self) -> int:
        return 0 if self._popen is None else self._popen.wait()


def identity(user: str | None) -> dict[str, Any]:
    """Return the arguments with which `subprocess` runs a program as another user, if this one is root."""
    if user is None:
        return {}
    import pwd  # noqa: PLC0415 - not on Windows

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def reserved_port(owner: object) -> int:
    """Return a port of this machine that no other program is given while ``owner`` lives.

    Also not before a server listens there, or between two runs of it: a socket is bound to it, and only a
    program that asks for this very port gets it beside that. Other systems than Linux have no such socket.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        weakref.finalize(owner, holder.close)
    else:
        holder.close()
    return port


def accepts(port: int) -> bool:
    """Return whether something on this machine accepts connections to the port."""
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


async def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Wait until it happened; return whether it did."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(_LOOK_AGAIN)
    return True


def _lives(pid: int) -> bool:
    """Return whether it still holds anything: a zombie that nobody waits for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@atexit.register
def _kill_what_runs() -> None:
    for process in tuple(_running):
        if process.runs:
            process.kill_now()
