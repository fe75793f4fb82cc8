"""A server that was restored from a backup, as programs see it over a real socket."""

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.raw import RunningServer
from tests.e2e import commands
from tests.e2e.processes import DEADLINE

from parlour_lab.wire import Wire, request


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server that runs."""
    made = RunningServer(tmp_path)
    made.begin(
        "[rates]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\nmessage_bytes_burst = 100000000\n"
        "requests_per_minute = 1000000\nrequest_burst = 1000000\n"
    )
    yield made
    made.stop()


@contextmanager
def greeted(server: RunningServer, session: str) -> Iterator[tuple[Wire, dict[str, Any]]]:
    """Connect; gives the wire and the hello."""
    with server.wire() as wire:
        assert wire.ask(server.head(authorization=f"Bearer {server.ticket(session)}")).status == 101
        yield wire, json.loads(wire.frame()[1])


def named(server: RunningServer, session: str, number: int) -> tuple[set[str], int]:
    """Return every incarnation that hello, an acknowledgement and a page name, and the number given out."""
    with greeted(server, session) as (wire, hello):
        room = hello["rooms"][0]["room"]
        wire.send(request("send", number, room=room, text=f"message {number}"))
        stored = wire.told(f"probe-{number:010}")["result"]
        wire.send(request("history", number + 1, room=room))
        page = wire.told(f"probe-{number + 1:010}")["result"]
    return {hello["incarnation"], stored["incarnation"], page["incarnation"]}, stored["seq"]


def test_a_restored_server_greets_with_another_incarnation(server: RunningServer, tmp_path: Path) -> None:
    """R20: a restart changes nothing, a restore the name of the logs: the same number is used again."""
    session = server.session("ada", invite=server.code())
    file = tmp_path / "all.tar"
    server.command("backup", "create", str(file))
    before, lost = named(server, session, 10)
    server.kill(signal.SIGTERM)
    server.start()
    assert named(server, session, 20) == (before, lost + 1)
    server.kill(signal.SIGTERM)
    server.data = tmp_path / "again"
    assert "Tell people" in server.command("backup", "restore", str(file))
    server.start()
    after, again = named(server, session, 30)
    assert (len(before), len(after)) == (1, 1)
    assert before != after
    assert again == lost


def backup(*arguments: str) -> str:
    """Run a command about backups that needs no server."""
    done = commands.run("parlour_server", "backup", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_restore_drill_under_traffic(server: RunningServer, tmp_path: Path) -> None:
    """Backups while people write: each restores whole, and has all that was acknowledged before it began."""
    session = server.session("ada", invite=server.code())
    backups, done, acknowledged = tmp_path / "backups", threading.Event(), [0]
    another = threading.Event()

    def write() -> None:
        with greeted(server, session) as (wire, hello):
            room = hello["rooms"][0]["room"]
            while not done.is_set():
                number = acknowledged[0] + 1
                wire.send(request("send", number, room=room, text=f"message {number}"))
                assert wire.told(f"probe-{number:010}")["type"] == "ok"
                acknowledged[0] = number
                another.set()

    def heard() -> int:
        """Wait for one more; return how many there are."""
        another.clear()
        assert another.wait(DEADLINE)
        return acknowledged[0]

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            before = []
            for _ in range(3):
                before.append(heard())
                server.command("backup", "create", str(backups))
            heard()
        finally:
            done.set()
        writing.result()
    assert acknowledged[0] > before[-1] > before[0]
    assert "its database is intact" in backup("verify", "--restore", str(backups))
    made = [one["name"] for one in json.loads(backup("list", str(backups), "--json"))]
    server.kill(signal.SIGTERM)
    for name, least in zip(made, before, strict=True):
        server.data = tmp_path / name
        server.command("backup", "restore", str(backups), "--name", name)
        with closing(sqlite3.connect(server.data / "parlour.db")) as db:
            [written] = db.execute("SELECT count(*) FROM entries WHERE kind = 'message'").fetchone()
        assert least <= written <= acknowledged[0]
    server.start()  # the last of them
    server.command("doctor")
    assert named(server, session, 2_000_000)[1] > before[-1]
