"""One server on a folder at a time (L22)."""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.folder_lock import is_locked, locked


def hold(path: Path, ready: Connection) -> None:
    """Hold the lock until the process is ended."""
    with locked(CHAT.folder(path)):
        ready.send(True)
        threading.Event().wait()


def test_a_second_server_is_refused(folder: DataFolder) -> None:
    """L22: while the first one runs, and not after it."""
    assert not is_locked(folder)
    with locked(folder):
        assert is_locked(folder)
        with pytest.raises(SetupError, match="already running"), locked(folder):
            pass
        assert is_locked(folder)  # what was refused took nothing away
    assert not is_locked(folder)
    with locked(folder):
        pass


def test_a_server_that_was_killed_leaves_no_lock(folder: DataFolder) -> None:
    """L22: SIGKILL gives the lock back; no one has to take a file away."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(folder.path, there))
    process.start()
    assert here.poll(60)
    assert is_locked(folder)
    process.kill()
    process.join()
    with locked(folder):
        pass


def test_a_command_that_looks_does_not_keep_a_server_from_starting(folder: DataFolder) -> None:
    """L22: asking takes the lock for a moment, and a start tries again."""
    asking, over = threading.Event(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            is_locked(folder)
            asking.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert asking.wait(10)
    for _ in range(50):
        with locked(folder):
            pass
    over.set()
    thread.join()
