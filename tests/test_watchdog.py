"""A process of the tests that is killed leaves no server behind."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.e2e.commands import DEADLINE

_NATS = "from tests.nats import server; server()"
_POSTGRES = "from tests.postgres import server; server()"
_HOLD = "import sys; {}; print(flush=True); sys.stdin.read()"


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Return a folder for temporary ones, which other users than root can enter."""
    folder = Path(tempfile.mkdtemp(prefix="killed-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.long
@pytest.mark.parametrize(("start", "name"), [(_NATS, "nats-server"), (_POSTGRES, "postgres")])
def test_a_server_of_a_killed_process_ends(temporary: Path, start: str, name: str) -> None:
    """It holds its port and its memory otherwise, until the machine stops."""
    command = [sys.executable, "-c", _HOLD.format(start)]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as tests:  # noqa: S603
        assert tests.stdout is not None
        assert tests.stdout.readline() == b"\n"
        [server] = [one for one in psutil.Process(tests.pid).children() if one.name() == name]
        assert list(temporary.iterdir())
        tests.kill()
    end = time.monotonic() + DEADLINE
    while _lives(server) or list(temporary.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.05)  # other processes: there is no event to wait for


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
