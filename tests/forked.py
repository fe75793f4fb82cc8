"""Python programs, forked from a process that has imported Parlour: most of a start is the imports.

After them each is what `python ARGUMENTS` is: a process with descriptors, signals and memory of its own. The
commands are started by tests/server/chat/cli/test_run.py, tests/client/kit/terminal/test_hangup.py,
tests/e2e/test_tui.py, tests/attacks/test_transport.py and tests/deploy.
"""

import asyncio
import importlib
import io
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final, TextIO
from unittest import mock

import textual.constants
from argon2 import PasswordHasher
from tests.late import begin_as_told

from parlour_server.core.accounts import password_hashing
from parlour_server.core.net import tls_groups

_IMPORTED: Final = (
    __name__,
    "parlour_server.chat.start",
    "parlour_server.chat.program",
    "parlour_server.chat.cli",
    "parlour_server.host.config.settings_loader",
    "parlour_server.host.server_process",
    "parlour_server.chat.store.chat_store",
    "uvloop",
    "aiofastnet",
    "parlour_client.cli.open_chat",
    "parlour_client.cli.send",
    "parlour_client.cli.tail",
    "parlour_client.plain.line_mode",
    "parlour_client.ui.app",
    "tests.client.core.client_parts",
    "tests.client.ui.ui_fake",
)
"""What the programs load until they are ready; what is not installed is passed over."""
_GROUPS: Final = "openssl.cnf" if tls_groups.HAS_HYBRID else "openssl-before-3.5.cnf"
_CONFIGURED: Final = {
    "OPENSSL_CONF": os.fspath(Path(tls_groups.__file__).with_name(_GROUPS)),
    "PYTHONHASHSEED": "0",
}
"""What is read once, in the process that is forked from; OpenSSL's as the server's command sets it."""


@cache
def _start_fork_server() -> None:
    forkserver.set_forkserver_preload(list(_IMPORTED))
    with mock.patch.dict(os.environ, _CONFIGURED):
        forkserver.ensure_running()


class ForkedPython:
    """What `python` does with these arguments: `-m MODULE …` or `SCRIPT …`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        files: Mapping[int, int] | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        cheap_passwords: bool = False,
    ) -> None:
        """Start it; ``files`` are its descriptors, each a copy of one that is open here.

        With ``cheap_passwords`` a server hashes in microseconds, not for a quarter of a second of CPU.
        """
        passed = {number: Connection(os.dup(file)) for number, file in (files or {}).items()}
        environment = dict(os.environ if env is None else env)
        given = arguments, passed, environment, Path.cwd(), start_new_session, cheap_passwords
        _start_fork_server()
        self._process = ForkServerProcess(target=_run, args=given, daemon=True)
        self._process.start()
        for file in passed.values():
            file.close()
        assert self._process.pid is not None
        self.pid: Final = self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it exited with, or a signal's number below zero; nothing while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Look whether it has ended."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a word."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends; returns what it exited with. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("python", timeout or 0)
        return self._process.exitcode

    async def ended(self) -> int:
        """Wait until it has ended; returns what it exited with."""
        while self.poll() is None:  # noqa: ASYNC110 - the end of another process
            await asyncio.sleep(0.01)  # several may wait, and only one can read how it ended
        return self.wait()


class PipedPython(ForkedPython):
    """The same, with pipes to its standard input, output and errors."""

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_errors, theirs_errors = os.pipe()
        super().__init__(arguments, files={0: theirs_in, 1: theirs_out, 2: theirs_errors}, env=env)
        for file in (theirs_in, theirs_out, theirs_errors):
            os.close(file)
        self.stdin: Final = os.fdopen(ours_in, "w")
        self.stdout: Final = os.fdopen(ours_out)
        self.stderr: Final = os.fdopen(ours_errors)

    def communicate(self, text: str = "", *, timeout: float) -> tuple[str, str]:
        """Give it its last lines, and wait until it ends; return what it wrote. Raises TimeoutExpired."""
        with self.stdin, self.stdout, self.stderr, ThreadPoolExecutor(3) as pool:
            pool.submit(self._say, text)
            output, errors = pool.submit(self.stdout.read), pool.submit(self.stderr.read)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return output.result(), errors.result()

    def _say(self, text: str) -> None:
        try:
            self.stdin.write(text)
            self.stdin.close()
        except BrokenPipeError:  # it has ended before it read all
            pass


def _run(
    arguments: Sequence[str],
    files: Mapping[int, Connection],
    environment: Mapping[str, str],
    folder: Path,
    start_new_session: bool,  # noqa: FBT001 - as Popen has it
    cheap_passwords: bool,  # noqa: FBT001 - passed on
) -> None:
    if cheap_passwords:
        cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        mock.patch.object(password_hashing, "PasswordHasher", cheap).start()
    if start_new_session:
        os.setsid()
    for number, file in files.items():
        os.dup2(file.fileno(), number)
        file.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    importlib.reload(textual.constants)  # it has read the environment
    time.tzset()
    begin_as_told()
    if 0 in files:
        sys.stdin = sys.__stdin__ = _stream(0, sys.stdout)
    if 1 in files:
        sys.stdout = sys.__stdout__ = _stream(1, sys.stdout)
    if 2 in files:
        sys.stderr = sys.__stderr__ = _stream(2, sys.stderr)
    if arguments[0] == "-m":
        sys.argv = list(arguments[1:])
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        sys.path.insert(0, str(Path(arguments[0]).parent))
        runpy.run_path(arguments[0], run_name="__main__")


def _stream(number: int, like: TextIO) -> io.TextIOWrapper:
    """Return a standard stream as Python opens it."""
    mode, buffering = ("r", -1) if number == 0 else ("w", 1 if number == 2 else -1)
    return open(number, mode, buffering, encoding=like.encoding, errors=like.errors, closefd=False)
