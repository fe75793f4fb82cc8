"""Flow control of request bodies: reading stops between two reads, never in the middle of one.

aiofastnet 1.2 leaves what TLS has decrypted already where it is when reading is stopped while that is being
handed over, and looks at it again only when the network brings more: the end of an upload would wait until
its deadline. Once a read is over nothing is left in between. ``HttpConnection`` uses it, not uvicorn's own.
"""

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl


class PatientFlow(FlowControl):
    """uvicorn's flow control, which stops reading one turn of the loop later."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Control this transport."""
        super().__init__(transport)
        self._loop = loop
        self._stopped = False

    def pause_reading(self) -> None:
        """Stop reading when the read that is going on is over, unless it was resumed by then."""
        if not self.read_paused:
            self.read_paused = True
            self._loop.call_soon(self._stop)

    def resume_reading(self) -> None:
        """Read on."""
        self.read_paused = False
        if self._stopped:
            self._stopped = False
            self._transport.resume_reading()

    def _stop(self) -> None:
        if self.read_paused and not self._stopped and not self._transport.is_closing():
            self._stopped = True
            self._transport.pause_reading()
