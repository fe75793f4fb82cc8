"""Takes the ticket out of what was read, before anything makes a copy of it (L18: a used ticket in memory).

Python's strings cannot be wiped, and a parser copies a request's head half a dozen times; a used ticket would
stand in freed memory for hours. So sockets are read into one buffer of our own: there the ticket of a
handshake is replaced by dots, only its digest goes on, and the buffer is wiped. A head that comes in several
reads is not recognised and goes through as it is: our own client sends one. `net/http_connection.py` reads
through it.
"""

import re
from hashlib import sha256
from typing import Final

from parlour_protocol.api import CHAT_PATH

READ_BYTES: Final = 16 * 1024  # a TLS record
REDACTED: Final = b"." * 43  # no ticket looks like this
_HANDSHAKE: Final = re.compile(
    rb"GET " + re.escape(CHAT_PATH.encode()) + rb" (?:[^\r\n]*\r\n)*?"
    rb"(?i:authorization): *(?i:bearer) +([A-Za-z0-9_-]{43})\r\n"
)


class ReadBuffer:
    """What every socket of a server is read into, one after the other."""

    def __init__(self) -> None:
        """Begin with nothing in it."""
        self._buffer = bytearray(READ_BYTES)
        self.view = memoryview(self._buffer)

    def take(self, size: int) -> bytes:
        """Return the first ``size`` bytes, and wipe them here."""
        data = bytes(self.view[:size])
        self.view[:size] = bytes(size)
        return data

    def take_head(self, size: int) -> tuple[bytes, bytes | None]:
        """Do the same with what may be a handshake; its ticket is replaced, and its digest returned."""
        digest = None
        if found := _HANDSHAKE.match(self._buffer, 0, size):
            start, end = found.span(1)
            digest = sha256(self.view[start:end]).digest()
            self.view[start:end] = REDACTED
        return self.take(size), digest
