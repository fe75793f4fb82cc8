"""RFC 6455 frames that a server sends, as bytes.

``text_frame`` wraps a payload once, so that a room's fan-out can write the same bytes to every member. It
never masks (section 5.1: a server must not) and never fragments (a frame between two fragments of another
would break the connection). `net` and the chat's hub call it.
"""

import struct
from typing import Final

_FIN_TEXT: Final = 0x81
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_short: Final = struct.Struct("!BB")
_medium: Final = struct.Struct("!BBH")
_long: Final = struct.Struct("!BBQ")


def text_frame(payload: bytes) -> bytes:
    """Return one whole, unmasked text frame (RFC 6455 section 5.2); ``payload`` is UTF-8."""
    size = len(payload)
    if size < _LENGTH_16:
        return _short.pack(_FIN_TEXT, size) + payload
    if size < 1 << 16:
        return _medium.pack(_FIN_TEXT, _LENGTH_16, size) + payload
    return _long.pack(_FIN_TEXT, _LENGTH_64, size) + payload
