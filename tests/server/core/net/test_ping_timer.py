"""R3, L30: how long a peer that is silent is kept, counted in beats."""

from dataclasses import dataclass
from typing import Any

import pytest

from parlour_server.core.config.server_settings import Connections
from parlour_server.core.net.connection_slots import ConnectionSlots
from parlour_server.core.net.malloc_trim import MallocTrim
from parlour_server.core.net.ping_timer import BEATS, SILENT_BEATS, PingTimer
from parlour_server.core.quotas import Quotas


@dataclass
class Silent:
    """A connection that notes what the pulse does."""

    share: int
    silence: int = 0
    pings: int = 0
    given_up: bool = False

    def ping(self) -> None:
        """Note a ping."""
        self.pings += 1

    def give_up(self) -> None:
        """Note the end."""
        self.given_up = True


def pulse(*connections: Silent) -> PingTimer:
    """Return a pulse of these connections."""
    registry: Any = connections
    return PingTimer(
        registry,
        ConnectionSlots(Quotas(), total=1, per_address=1),
        MallocTrim(lambda: None),
        20,
    )


@pytest.mark.parametrize("share", range(BEATS))
def test_a_silent_peer_is_kept_for_45_seconds_at_most(share: int) -> None:
    """L30: whenever its turn to be pinged is, it is asked twice and then gone; it was kept for up to 60 s."""
    peer = Silent(share)
    beating = pulse(peer)
    beats = 0
    while not peer.given_up and beats < 10 * BEATS:
        beating.beat()
        beats += 1
    seconds = (beats + 1) * Connections().ping_seconds / BEATS  # it went silent just after a beat
    assert 40 < seconds <= 45
    assert peer.pings >= 2


def test_a_byte_in_time_is_a_sign_of_life() -> None:
    """Only silence counts, however long the connection lasts."""
    peer = Silent(0)
    beating = pulse(peer)
    for _ in range(10 * BEATS):
        beating.beat()
        if peer.silence == SILENT_BEATS:
            peer.silence = 0  # what a read does
    assert not peer.given_up


async def test_a_handler_that_blocks_everyone_is_told(own_logs: list[dict[str, object]]) -> None:
    """A beat that comes seconds too late is a line in the log; one in time is none."""
    beating = pulse()
    beating.start()
    beating._next()
    assert own_logs == []
    beating._due -= 3.0  # when it was due, before something blocked the loop
    beating._next()
    beating.stop()
    [line] = own_logs
    assert line["event"] == "event_loop_blocked"
