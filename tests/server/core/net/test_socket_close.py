"""Closing by force, on a loop whose time a test moves."""

import asyncio
from typing import Any, cast

from parlour_server.core.net.socket_close import close_soon


class Stuck:
    """A transport whose peer takes nothing, and the loop that its timers are set on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.timers: list[tuple[float, Any]] = []

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return bool(self.calls)

    def close(self) -> None:
        """Wait for the peer, as a transport does."""
        self.calls.append("close")

    def abort(self) -> None:
        """Drop the socket."""
        self.calls.append("abort")

    def call_later(self, seconds: float, callback: Any) -> None:
        """Note a timer."""
        self.timers.append((seconds, callback))


def test_a_socket_that_does_not_close_is_dropped() -> None:
    """S2: the peer is waited for until the deadline, and no longer."""
    stuck = Stuck()
    loop, transport = cast("asyncio.AbstractEventLoop", stuck), cast("asyncio.Transport", stuck)
    close_soon(loop, transport, 2)
    [(seconds, callback)] = stuck.timers
    assert (stuck.calls, seconds) == (["close"], 2)
    callback()
    assert stuck.calls == ["close", "abort"]
