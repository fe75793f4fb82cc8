"""What the benchmarks send to a program is what it understands, and their limits are settings that it has."""

from pathlib import Path
from typing import Any

import pytest
from bench.people import Filled
from bench.programs import CHAT, PROGRAMS, RELAY, TICKER, Program
from bench.relay import Join, Said, Say, Text
from bench.relay import app as relay
from bench.servers import CONFIGURATION

from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_server.app.base_app import BaseApp
from parlour_server.chat.program import CHAT as CHAT_APP
from parlour_server.host.config.settings_loader import load
from parlour_server.testing.server import running

from ticker.frames import Price
from ticker.server import app as ticker

APPS: dict[str, BaseApp[Any, Any]] = {
    CHAT.name: CHAT_APP,
    RELAY.name: relay,
    TICKER.name: ticker,
}


def sent(frame: str, room: str) -> bytes:
    """Return a frame as the load generator sends it."""
    for name, value in {"ID": "0" * 21, "TEXT": "~T0~", "N": "1234", "G": "12", "ROOM": room}.items():
        frame = frame.replace(f"@{name}@", value)
    return frame.encode()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_understands_the_load(program: Program, tmp_path: Path) -> None:
    """Its frames are decoded, its subprotocol and path are its own, and its settings are taken."""
    app = APPS[program.name]
    for frame in filter(None, (program.join, program.message)):
        app.wire.decode_request(sent(frame, new_room_id() if program is CHAT else "12"))
    options = program.options(tmp_path, [], Filled([], [], 1))
    assert options[options.index("-L") + 1] == app.wire.subprotocol
    assert options[options.index("-R") + 1] == app.wire.path
    file = tmp_path / app.folder(tmp_path).settings.name
    file.write_text(CONFIGURATION + program.rates)
    file.chmod(0o600)
    assert load(file, app.settings_type, app.name, environment={}).rates.message_burst == 100_000_000


def test_the_prices_are_counted() -> None:
    """The ticker sends nothing that the load generator could have marked."""
    assert TICKER.delivery.encode() in ticker.wire.encode(Price("ACME", 1))


async def test_the_relay_delivers_what_is_said(tmp_path: Path) -> None:
    """It is numbered by the log and goes to everyone in the room, the speaker too, and to no other room."""
    async with running(relay, tmp_path / "data") as world:
        ada = await world.person("ada")
        here, there = await ada.connect(), await ada.connect()
        await here.ask(Join(new_request_id(), "1"))
        await there.ask(Join(new_request_id(), "2"))
        await there.ask(Say(new_request_id(), "1", Text("hello")))
        await there.ask(Say(new_request_id(), "2", Text("goodbye")))
        assert await here.push() == Said("1", Seq(1), parse_user_name("ada"), Text("hello"))
        assert await there.push() == Said("2", Seq(1), parse_user_name("ada"), Text("goodbye"))
        assert world.faults == []
