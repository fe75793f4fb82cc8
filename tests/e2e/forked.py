"""The server's process, forked from one that has imported the server: most of a start is the imports.

After them it is what `parlour-server run` is: a process with descriptors, signals and memory of its own. The
command itself is started by tests/server/cli/test_run.py, tests/attacks/test_transport.py and tests/deploy.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final
from unittest import mock

from parlour_server.cli import main
from parlour_server.kit.net import tls_groups

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_IMPORTED: Final = (
    __name__,
    "parlour_server.app",
    "parlour_server.chat_program",
    "parlour_server.cli",
    "parlour_server.kit.config.settings_loader",
    "parlour_server.kit.server_process",
    "parlour_server.store.chat_store",
    "uvloop",
    "aiofastnet",
)
"""What a server loads until it is ready; what is not installed is passed over."""
_GROUPS: Final = "openssl.cnf" if tls_groups.HAS_HYBRID else "openssl-before-3.5.cnf"
_CONFIGURED: Final = {"OPENSSL_CONF": os.fspath(Path(tls_groups.__file__).with_name(_GROUPS))}
"""As the command sets it: OpenSSL reads it once, in the process that is forked from."""


class ForkedServer:
    """`parlour-server` with these arguments; both its outputs are appended to the log."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        _CONTEXT.set_forkserver_preload(list(_IMPORTED))
        environment = os.environ | _CONFIGURED
        self._process = ForkServerProcess(target=_run, args=(arguments, environment, log))
        with mock.patch.dict(os.environ, _CONFIGURED):
            self._process.start()
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

    def wait(self, timeout: float) -> int:
        """Wait until it ends; returns what it exited with. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("parlour-server", timeout)
        return self._process.exitcode


def _run(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["parlour-server", *arguments]
    main()
