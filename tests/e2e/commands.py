"""Run a command line to its end, where possible in this process, through the function that the programs call.

Starting a process costs more than most commands do, and adds nothing to what they say. A command that reads
lines while it works, opens a screen or serves gets a process of its own. So does every command outside of the
main thread, which alone hears signals, and a client's command where an event loop already runs.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final
from unittest import mock

from click.testing import CliRunner
from tests.forked import PipedPython

from parlour_client.cli import root as client
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.core.output import captured

DEADLINE: Final = 120.0
"""Seconds after which a wait of these tests has failed: only a hung one takes as long on a busy machine."""
_ALONE: Final = frozenset({"--stdin", "--plain", "chat", "demo", "run"})
"""Words of commands that need descriptors, a screen or signals of their own."""
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_MAINS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "parlour_client": client.guarded,
    "parlour_server": COMMAND_LINE.run,
}

Done = subprocess.CompletedProcess[str]


def run(program: str, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    """Run a command of `parlour_client` or `parlour_server`; return its exit status and what it printed."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and arguments and _ALONE.isdisjoint(arguments):
        if not _loop_runs():
            return run_here(program, *arguments, stdin=stdin, env=env)
        if program == "parlour_server":  # its commands need a thread without a loop, and no signal
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(run_here, program, *arguments, stdin=stdin, env=env).result()
    return run_alone(program, *arguments, stdin=stdin, env=env)


def run_alone(program: str, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    """Run it as a process, as the shell does."""
    process = PipedPython(["-m", program, *arguments], env=os.environ | (env or {}))
    out, errors = process.communicate(stdin, timeout=DEADLINE)
    return Done(arguments, process.wait(), out, errors)


def run_here(program: str, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    """Run it in this process; for `run` only where the server must refuse to start."""
    with CliRunner().isolation(stdin, env or {}) as (out, err, _), _as_it_was():
        status = _MAINS[program](arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return Done(arguments, status, out.getvalue().decode(), err.getvalue().decode())


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Give back what a command changes in its process: mask, signals, log; and let the memory be read."""
    mask = os.umask(0o022)
    os.umask(mask)
    handlers = {one: signal.getsignal(one) for one in _SIGNALS}
    try:
        with captured(), mock.patch.object(client, "keep_memory_private"):
            yield
    finally:
        os.umask(mask)
        if threading.current_thread() is threading.main_thread():
            for one, handler in handlers.items():
                signal.signal(one, handler)
