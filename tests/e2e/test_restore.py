"""A server that was restored from a backup, as programs see it over a real socket."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import Wire, request


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server that runs."""
    made = RunningServer(tmp_path)
    made.begin()
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
    backup = tmp_path / "all.tar"
    server.command("backup", str(backup))
    before, lost = named(server, session, 10)
    server.kill(signal.SIGTERM)
    server.start()
    assert named(server, session, 20) == (before, lost + 1)
    server.kill(signal.SIGTERM)
    server.data = tmp_path / "again"
    assert "Tell people" in server.command("restore", str(backup))
    server.start()
    after, again = named(server, session, 30)
    assert (len(before), len(after)) == (1, 1)
    assert before != after
    assert again == lost
