"""L26 over the wire: how much one account, and one address, can read, however it connects."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import Wire, request

_BURST, _A_SECOND = 40, 1
_SETTINGS = f"""
[rates]
read_burst = {_BURST}
reads_per_minute = {60 * _A_SECOND}
read_shares_per_address = 2
[connections]
per_address = 100
"""
STRANGER, ELSEWHERE = "127.0.0.66", "127.0.0.77"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server on which reading is dear."""
    made = RunningServer(tmp_path_factory.mktemp("reads"))
    made.begin(_SETTINGS)
    yield made
    made.stop()


def _read(wires: list[tuple[Wire, str]], times: int) -> int:
    """Ask for a page so many times on each connection at once; return how many were given."""
    given = 0
    for number in range(times):
        for wire, room in wires:
            wire.send(request("history", number, room=room))
        given += sum(wire.told(f"probe-{number:010}")["type"] == "ok" for wire, _ in wires)
    return given


def test_reading_on_many_connections_and_new_ones(server: RunningServer) -> None:
    """L26: sixteen connections read no more than one, and a reconnect renews nothing."""
    session = server.session("mallory", invite=server.code())
    start = time.monotonic()
    with ExitStack() as stack:
        wires = [stack.enter_context(server.chatting(session, source=STRANGER)) for _ in range(16)]
        given = _read(wires, 8)
    with server.chatting(session, source=ELSEWHERE) as wire:  # the account's budget follows it
        given += _read([wire], 20)
    assert _BURST <= given <= _BURST + _A_SECOND * (time.monotonic() - start) + 1


def test_reading_with_many_accounts_of_one_address(server: RunningServer) -> None:
    """L26: four accounts of one address read as much as two; someone elsewhere is served at once."""
    sessions = [server.session(f"mallory{n}", invite=server.code()) for n in range(4)]
    reader = server.session("ada", invite=server.code())
    start = time.monotonic()
    with ExitStack() as stack:
        wires = [stack.enter_context(server.chatting(one, source=STRANGER)) for one in sessions]
        given = _read(wires, 30)
        assert 2 * _BURST <= given <= 2 * (_BURST + _A_SECOND * (time.monotonic() - start) + 1)
        with server.chatting(reader, source=ELSEWHERE) as wire:
            assert _read([wire], 20) == 20
