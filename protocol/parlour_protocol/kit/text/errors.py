"""Errors of text on the wire.

The reason is a short code that may go back to the sender; the text itself is never in the message, so
that a log or a crash report cannot carry it. Raised by `check_wire_text` only.
"""

from enum import StrEnum

from parlour_protocol.kit.errors import ParlourProtocolError


class WireTextReason(StrEnum):
    """Why a text was refused."""

    SURROGATE = "surrogate"
    """A lone surrogate: no UTF-8 holds it, and re-encoding one can yield a raw control byte."""
    NUL = "nul"
    """U+0000 ends strings in C libraries below us."""
    NONCHARACTER = "noncharacter"
    """U+FFFE, U+FDD0 and the like are never for interchange."""
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_LINES = "too_many_lines"


class WireTextError(ParlourProtocolError, ValueError):
    """Text that no honest peer sends; refuse the frame."""

    def __init__(self, reason: WireTextReason) -> None:
        super().__init__(f"The text was refused: {reason.value.replace('_', ' ')}.")
        self.reason = reason
