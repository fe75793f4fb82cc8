"""Assembles frames into text messages, within limits.

RFC 6455 lets a peer split a message into any number of frames, send empty ones, and interleave control
frames; each costs us time and the peer six bytes (F7: fragment floods). So fragments and control frames are
limited. No I/O.
"""

from typing import Final

from websockets.frames import Frame, Opcode

from parlour_protocol.kit.errors import INVALID_DATA, TOO_BIG, TOO_FAST, UNSUPPORTED_DATA, CloseCode
from parlour_server.core.errors import ParlourServerError, SetupError

MAX_FRAGMENTS: Final = 16  # our own client sends whole messages; this is for others' libraries
MAX_CONTROLS: Final = 64  # pings and pongs between two pings of ours

_LEAST_WEBSOCKETS: Final = (17, 4)


class MessageError(ParlourServerError):
    """The peer broke a limit; the connection closes with ``code``."""

    def __init__(self, code: CloseCode) -> None:
        """End with ``code``."""
        super().__init__(code.meaning)
        self.code = code


class MessageAssembler:
    """Assembles one connection's frames. websockets' parser has checked sizes and masks."""

    __slots__ = ("_controls", "_fragments")

    def __init__(self) -> None:
        self._fragments: list[bytes | bytearray | memoryview] | None = None
        self._controls = 0

    def receive(self, frame: Frame) -> bytes | None:
        """Return the message that this frame completes, if any. Raises MessageError."""
        match frame.opcode:
            case Opcode.TEXT:
                if frame.fin:
                    return _text(bytes(frame.data))
                self._fragments = [frame.data]
            case Opcode.CONT:
                return self._continue(frame)
            case Opcode.BINARY:
                raise MessageError(UNSUPPORTED_DATA)
            case _:
                self._controls += 1
                if self._controls > MAX_CONTROLS:
                    raise MessageError(TOO_FAST)
        return None

    def allow_controls(self) -> None:
        """Reset the count of control frames."""
        self._controls = 0

    def _continue(self, frame: Frame) -> bytes | None:
        fragments = self._fragments or []
        fragments.append(frame.data)
        if len(fragments) > MAX_FRAGMENTS:
            raise MessageError(TOO_BIG)
        if not frame.fin:
            return None
        self._fragments = None
        return _text(b"".join(fragments))


def refuse_old_websockets(found: str) -> None:
    """Raise SetupError for a version of websockets that does not limit fragments (F7, O1)."""
    if tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < _LEAST_WEBSOCKETS:
        raise SetupError(
            f"websockets {found} is installed, which does not limit fragments; install 17.4 or newer"
        )


def _text(data: bytes) -> bytes:
    """Return ``data``. Raises MessageError unless it is UTF-8 (RFC 6455 section 8.1)."""
    try:
        data.decode()
    except UnicodeDecodeError:
        raise MessageError(INVALID_DATA) from None
    return data
