"""The send buffer of a connection: written once per loop iteration, and limited.

Every write first checks the transport's unsent bytes. Above the cap the peer is cut off at once (R2: slow
reader), because a close frame would wait behind the bytes that it does not read. Nothing here waits.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_FLUSH_AT: Final = 64 * 1024  # so that the cap applies even within one iteration


class SendBuffer:
    """The outgoing bytes of one connection."""

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
        """Bytes are buffered, or this is stopped or closed: one flag for the hot path."""

    def put(self, data: bytes) -> None:
        """Send at the end of this loop iteration, together with further bytes."""
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
        """Send now, after buffered bytes; does nothing once stopped. Fan-outs use it."""
        if self._busy:
            self._put_behind(wire)
        else:
            self._write(wire)

    def flush(self) -> None:
        """Write the buffered bytes."""
        if not self._pending:
            return
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._held = 0
        self._busy = self._is_stopped
        self._write(data)

    def stop_accepting(self) -> None:
        """Ignore ``put_now`` from now on: nothing more is delivered, the closing handshake is not."""
        self._is_stopped = self._busy = True

    def close(self) -> None:
        """Drop buffered bytes and write nothing more."""
        self._closed = self._busy = True
        self._pending.clear()
        # The owner refers to this buffer: a reference back would keep both, and the TLS engine with them,
        # until the garbage collector's next full run.
        self._on_overflow = _nothing

    def _put_behind(self, data: bytes) -> None:
        if not self._is_stopped and not self._closed:
            self._pending.append(data)
            self.flush()

    def _write(self, data: bytes) -> None:
        """Write, unless the peer has left more than the cap unread: then it is cut off, and no one waits."""
        if self._transport.get_write_buffer_size() > self._cap:
            on_overflow = self._on_overflow
            self.close()
            on_overflow()
        else:
            self._transport.write(data)


def _nothing() -> None:
    """Do nothing: a closed buffer cannot overflow."""
