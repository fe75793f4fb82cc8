"""Ends the tests when the `make` that runs them has ended: killed, it can't tell them.

Without this they go on alone, with a PostgreSQL and a NATS server for each of their processes.
"""

import os
import signal
import threading
import time
from typing import Final

VARIABLE: Final = "PARLOUR_MAKE"
"""The environment variable with the process that the Makefile's recipe is of."""
_SECONDS: Final = 0.5


def pytest_configure() -> None:
    """Watch it, if there is one. Programs that tests start don't."""
    if pid := os.environ.pop(VARIABLE, ""):
        threading.Thread(target=_watch, args=(int(pid),), daemon=True).start()


def _watch(pid: int) -> None:
    while _is_there(pid):
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)  # as Ctrl+C: the tests end what they have started


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
