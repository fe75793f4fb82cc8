"""`run --workers`: processes that share an address and a database, and what becomes of them."""

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.forked import ForkedPython
from tests.ports import free_port

from parlour_server.app.capability import served_by
from parlour_server.chat.cli import COMMAND_LINE
from parlour_server.chat.metrics import CHAT_METRICS
from parlour_server.chat.program import CHAT
from parlour_server.core.clock import SystemClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.config.settings_loader import load
from parlour_server.host.setup.initialise import initialise
from tests import nats, postgres

PATIENCE = 60.0
IS_THERE = {"", "NATS", "PostgreSQL"}
"""What metrics may need that these workers have."""
READY = 100
"""A descriptor that nothing else has."""


class Workers:
    """Two workers and their supervisor."""

    def __init__(self, folder: DataFolder, log: Path) -> None:
        self._log = log
        reading, writing = os.pipe()
        line = ["-m", "parlour_server", "run", "--data", str(folder.path), "--listen", "127.0.0.1:0"]
        with log.open("wb") as out:
            self.process = ForkedPython(
                [*line, "--workers", "2", "--ready-fd", str(READY)], files={2: out.fileno(), READY: writing}
            )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.readline()
        assert said, log.read_text()
        self.url = json.loads(said)["url"]
        self.context = ssl.create_default_context(cafile=str(folder.ca_certificate))

    def logged(self, event: str) -> list[dict[str, object]]:
        """Return the lines of the log about an event."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the log says so: other processes write it, so there is no event to wait for."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)

    def are_ready(self) -> bool:
        """Return whether a new connection is served."""
        return httpx.get(f"{self.url}/readyz", verify=self.context, trust_env=False).status_code == 204

    def children(self) -> list[psutil.Process]:
        """Return the workers, in the order of their starts."""
        return psutil.Process(self.process.pid).children()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return a data folder whose database is PostgreSQL, and whose bus is NATS."""
    made = CHAT.folder(tmp_path / "data")
    given = {
        "database.url": postgres.empty("workers"),
        "bus.url": nats.server().url,
        "listen.metrics": f"127.0.0.1:{free_port(successive=2)}",
    }
    asyncio.run(initialise(CHAT, made, ("localhost", "127.0.0.1"), SystemClock(), given=given))
    return made


@pytest.fixture
def workers(folder: DataFolder, tmp_path: Path) -> Iterator[Workers]:
    """Return workers that are ready."""
    made = Workers(folder, tmp_path / "log")
    yield made
    left = psutil.Process(made.process.pid).children() if made.process.poll() is None else []
    made.process.kill()
    made.process.wait(PATIENCE)
    for one in left:
        one.kill()


def test_workers_serve_one_address_until_the_end(workers: Workers, folder: DataFolder) -> None:
    """One that dies is started again while the other serves; signals, log lines and metrics are of both."""
    assert [line["worker"] for line in workers.logged("ready")] in ([1, 2], [2, 1])
    assert {line["url"] for line in workers.logged("ready")} == {workers.url}
    for name in ("server.key", "keylog.key", "server.pem"):
        assert (folder.path / "workers" / "2" / name).read_bytes() == (folder.path / name).read_bytes()
    assert (folder.path / "workers" / "2" / "files").resolve() == folder.path / "files"

    metrics = load(folder.settings, CHAT.settings_type, CHAT.name).listen.metrics
    port = int(metrics.rpartition(":")[2])
    documented = {
        one.full_name(CHAT.name.word)
        for one in (
            *CHAT_METRICS,
            *(one for added in served_by(CHAT.capabilities) for one in added.metrics),
        )
        if one.needs in IS_THERE
    }
    for number in (port, port + 1):
        page = httpx.get(f"http://127.0.0.1:{number}/metrics", trust_env=False).text
        shown = set(re.findall(r"^# TYPE (parlour_\w+) ", page, re.MULTILINE))
        assert shown == documented

    killed = workers.children()[1]
    killed.kill()
    workers.until(lambda: workers.logged("worker_ended"))
    assert workers.are_ready()
    workers.until(lambda: len(workers.logged("ready")) == 3)
    assert [(line["worker"], line["status"]) for line in workers.logged("worker_ended")] == [(2, -9)]
    assert workers.logged("ready")[-1]["worker"] == 2
    assert workers.are_ready()

    workers.process.send_signal(signal.SIGHUP)
    workers.until(lambda: {line["worker"] for line in workers.logged("reloaded")} == {1, 2})

    children = workers.children()
    workers.process.send_signal(signal.SIGTERM)
    assert workers.process.wait(PATIENCE) == 0
    assert len(workers.logged("server_stopped")) == 2
    assert not any(one.is_running() for one in children)


def test_workers_end_with_their_supervisor(workers: Workers) -> None:
    """Nobody would stop them, and the address would stay taken."""
    children = workers.children()
    workers.process.kill()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert not alive
    assert len(workers.logged("supervisor_ended")) == 2


def test_a_worker_that_cannot_start_ends_all(folder: DataFolder, tmp_path: Path) -> None:
    """At the first start: its own sentence, and then that of the supervisor. Each has a port for metrics."""
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as taken, log.open("wb") as out:
        line = ["-m", "parlour_server", "run", "--data", str(folder.path), "--listen", "127.0.0.1:0"]
        port = taken.getsockname()[1]
        metrics = f"127.0.0.1:{port - 1}"  # that of worker 2 is the one after it
        process = ForkedPython([*line, "--workers", "2", "--metrics", metrics], files={2: out.fileno()})
        assert process.wait(PATIENCE) == 1
    assert f"127.0.0.1:{port}" in log.read_text()
    assert "a worker could not start; its error is above" in log.read_text().splitlines()[-1]


def test_a_file_is_not_for_several_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence says why, and what to do."""
    data = ("--data", str(tmp_path / "data"))
    assert COMMAND_LINE.run(("init", *data)) == 0
    assert COMMAND_LINE.run(("run", *data, "--workers", "2")) == 1
    said = capsys.readouterr().err.strip()
    assert "--workers needs a PostgreSQL database: processes that share a SQLite file take turns" in said
    assert "`parlour-server import`" in said
    assert len(said.splitlines()) == 1
