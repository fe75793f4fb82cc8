"""A peer that says nothing: kept for as long as R3 allows, by the server's own clock, and not longer."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import Wire, frame

_PING_SECONDS = 4


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that pings five times as often as one does by itself."""
    made = RunningServer(tmp_path_factory.mktemp("hasty"))
    made.begin(f"[connections]\nping_seconds = {_PING_SECONDS}\n")
    yield made
    made.stop()


def test_silent_peers(hasty: RunningServer) -> None:
    """L30: who answers one ping and then nothing is asked twice more, and gone before the third time.

    That is counted in the server's own beats (``test_ping_timer``), which are late on a busy machine.
    """
    session = hasty.session("mallory", invite=hasty.code())
    with hasty.chatting(session) as (wire, _):
        while wire.frame()[0] != 9:
            pass
        wire.send(frame(10))
        assert _pings_until_the_end(wire) == 2
    assert [line["limit"] for line in hasty.logged() if line["event"] == "limit_hit"] == ["keepalive"]


def _pings_until_the_end(wire: Wire) -> int:
    asked = 0
    with suppress(EOFError, ConnectionError):
        while True:
            asked += wire.frame()[0] == 9
    return asked
