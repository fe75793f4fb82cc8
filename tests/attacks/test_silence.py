"""A peer that says nothing: kept for as long as R3 allows, by the server's own clock, and not longer."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.attacks.raw import RunningServer, Wire, frame

_PING_SECONDS = 4
_KEPT = 45 / 20 * _PING_SECONDS  # 45 seconds where pings are 20 seconds apart


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that pings five times as often as one does by itself."""
    made = RunningServer(tmp_path_factory.mktemp("hasty"))
    made.begin(f"[connections]\nping_seconds = {_PING_SECONDS}\n")
    yield made
    made.stop()


def test_silent_peers(hasty: RunningServer) -> None:
    """L30: who answers one ping and then nothing is gone within 45 seconds of that, not within 60."""
    session = hasty.session("mallory", invite=hasty.code())
    with hasty.chatting(session) as (wire, _):
        while wire.frame()[0] != 9:
            pass
        wire.send(frame(10))
        alive = time.monotonic()
        asked = _pings_until_the_end(wire)
        assert time.monotonic() - alive <= _KEPT
        assert asked == 2
    assert [line["limit"] for line in hasty.logged() if line["event"] == "limit_hit"] == ["keepalive"]


def _pings_until_the_end(wire: Wire) -> int:
    asked = 0
    with suppress(EOFError, ConnectionError):
        while True:
            asked += wire.frame()[0] == 9
    return asked
