"""Removes the ticket from received bytes before they are copied (L18: a used ticket in memory).

Python cannot wipe strings, and a parser copies a request's head half a dozen times, so a used ticket would
stay in freed memory for hours. So sockets are read into one buffer: there the ticket of a handshake is
replaced by dots, only its digest is passed on, and the buffer is wiped. A head that arrives in several reads
is not recognised and passes unchanged; our own client sends it in one.
"""

import re
from hashlib import sha256
from typing import Final

READ_BYTES: Final = 16 * 1024  # a TLS record
REDACTED: Final = b"." * 43  # no ticket looks like this


class ReadBuffer:
    """The buffer that all sockets of a server are read into, one at a time."""

    def __init__(self, path: bytes) -> None:
        """Create an empty buffer; ``path`` is that of the WebSocket."""
        self._handshake = re.compile(
            rb"GET " + re.escape(path) + rb" (?:[^\r\n]*\r\n)*?"
            rb"(?:(?i:authorization): *(?i:bearer) +"
            rb"|(?i:sec-websocket-protocol): *[a-z0-9.-]{1,40}, ?ticket\.)"
            rb"([A-Za-z0-9_-]{43})\r\n"
        )
        self._buffer = bytearray(READ_BYTES)
        self.view = memoryview(self._buffer)

    def take(self, size: int) -> bytes:
        """Return the first ``size`` bytes, and wipe them here."""
        data = bytes(self.view[:size])
        self.view[:size] = bytes(size)
        return data

    def take_head(self, size: int) -> tuple[bytes, bytes | None]:
        """Do the same for a possible handshake; its ticket is replaced, and the digest returned."""
        digest = None
        if found := self._handshake.match(self._buffer, 0, size):
            start, end = found.span(1)
            digest = sha256(self.view[start:end]).digest()
            self.view[start:end] = REDACTED
        return self.take(size), digest
