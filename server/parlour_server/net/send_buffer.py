"""What a connection has to send: gathered, written once per loop iteration, bounded.

Every write first looks at what the transport still holds; above the cap the peer is cut off at once (R2: slow
reader), because asking it to close would wait behind the very bytes that it does not read. Nothing here ever
waits.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_FLUSH_AT: Final = 64 * 1024  # so that even one iteration's output meets the cap


class SendBuffer:
    """The way out of one connection."""

    __slots__ = (
        "_busy",
        "_cap",
        "_closed",
        "_held",
        "_is_stopped",
        "_loop",
        "_on_overflow",
        "_pending",
        "_transport",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        cap: int,
        on_overflow: Callable[[], None],
    ) -> None:
        """Write to ``transport``; call ``on_overflow`` when more than ``cap`` bytes are unsent."""
        self._loop = loop
        self._transport = transport
        self._cap = cap
        self._on_overflow = on_overflow
        self._pending: list[bytes] = []
        self._held = 0
        self._closed = False
        self._is_stopped = False
        self._busy = False
        """Something is gathered, or this is stopped or closed: what every delivery looks at, in one place."""

    def put(self, data: bytes) -> None:
        """Send at the end of this loop iteration, together with what else comes until then."""
        if self._closed:
            return
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending.append(data)
        self._busy = True
        self._held += len(data)
        if self._held >= _FLUSH_AT:
            self.flush()

    def put_now(self, wire: bytes) -> None:
        """Send now, after what was put before; nothing once stopped. Every delivery to a room is this."""
        if self._busy:
            self._put_behind(wire)
        elif self._transport.get_write_buffer_size() > self._cap:
            self._overflow()
        else:
            self._transport.write(wire)

    def flush(self) -> None:
        """Write what is gathered."""
        if not self._pending:
            return
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._held = 0
        self._busy = self._is_stopped
        if self._transport.get_write_buffer_size() > self._cap:
            self._overflow()
        else:
            self._transport.write(data)

    def stop_accepting(self) -> None:
        """Take no more by ``put_now``: what the chat says is over, the closing handshake is not."""
        self._is_stopped = self._busy = True

    def close(self) -> None:
        """Forget what is gathered and write nothing more."""
        self._closed = self._busy = True
        self._pending.clear()
        # The owner refers to this buffer: a reference back would keep both, and the TLS engine with them,
        # until the garbage collector's next full run.
        self._on_overflow = _nothing

    def _put_behind(self, data: bytes) -> None:
        if not self._is_stopped and not self._closed:
            self._pending.append(data)
            self.flush()

    def _overflow(self) -> None:
        on_overflow = self._on_overflow
        self.close()
        on_overflow()


def _nothing() -> None:
    """Do what a closed buffer does when it overflows."""
