"""What a connection has to send: gathered, written once per loop iteration, bounded.

Every write first looks at what the transport still holds; above the cap the peer is cut off at once (R2:
slow reader), because asking it to close would wait behind the very bytes that it does not read. Nothing
here ever waits. `net/websocket.py` owns one for each connection.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_FLUSH_AT: Final = 64 * 1024  # so that even one iteration's output meets the cap


class Outbox:
    """The way out of one connection."""

    __slots__ = ("_cap", "_closed", "_held", "_loop", "_on_overflow", "_pending", "_transport")

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

    def put(self, data: bytes) -> None:
        """Send at the end of this loop iteration, together with what else comes until then."""
        if self._closed:
            return
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending.append(data)
        self._held += len(data)
        if self._held >= _FLUSH_AT:
            self.flush()

    def put_now(self, data: bytes) -> None:
        """Send now, after what was put before."""
        if self._pending:
            self._pending.append(data)
            self.flush()
        else:
            self._write(data)

    def flush(self) -> None:
        """Write what is gathered."""
        if not self._pending:
            return
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._held = 0
        self._write(data)

    def close(self) -> None:
        """Forget what is gathered and write nothing more."""
        self._closed = True
        self._pending.clear()

    def _write(self, data: bytes) -> None:
        if self._closed:
            return
        if self._transport.get_write_buffer_size() > self._cap:
            self.close()
            self._on_overflow()
        else:
            self._transport.write(data)
