"""A server that was restored from a backup, as programs see it over a real socket."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.raw import House, Wire, request


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a server that runs."""
    made = House(tmp_path)
    made.begin()
    yield made
    made.stop()


@contextmanager
def greeted(house: House, session: str) -> Iterator[tuple[Wire, dict[str, Any]]]:
    """Connect; gives the wire and the hello."""
    with house.wire() as wire:
        assert wire.ask(house.head(authorization=f"Bearer {house.ticket(session)}")).status == 101
        yield wire, json.loads(wire.frame()[1])


def named(house: House, session: str, number: int) -> tuple[set[str], int]:
    """Return every incarnation that hello, an acknowledgement and a page name, and the number given out."""
    with greeted(house, session) as (wire, hello):
        room = hello["rooms"][0]["room"]
        wire.send(request("send", number, room=room, text=f"message {number}"))
        stored = wire.told(f"probe-{number:010}")["result"]
        wire.send(request("history", number + 1, room=room))
        page = wire.told(f"probe-{number + 1:010}")["result"]
    return {hello["incarnation"], stored["incarnation"], page["incarnation"]}, stored["seq"]


def test_a_restored_server_greets_with_another_incarnation(house: House, tmp_path: Path) -> None:
    """R20: a restart changes nothing, a restore the name of the logs: the same number is used again."""
    session = house.session("ada", invite=house.code())
    backup = tmp_path / "all.tar"
    house.command("backup", str(backup))
    before, lost = named(house, session, 10)
    house.kill(signal.SIGTERM)
    house.start()
    assert named(house, session, 20) == (before, lost + 1)
    house.kill(signal.SIGTERM)
    house.data = tmp_path / "again"
    assert "Tell people" in house.command("restore", str(backup))
    house.start()
    after, again = named(house, session, 30)
    assert (len(before), len(after)) == (1, 1)
    assert before != after
    assert again == lost
