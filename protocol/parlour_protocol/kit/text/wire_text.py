"""Wall one: the text that may cross the wire.

It refuses lone surrogates, NUL, noncharacters and texts over the caller's limits; everything else passes
unchanged, however ugly, because stored and signed bytes are never altered: the rule of `sanitiser.py` is for
showing. Both sides call it on every text that they take from the other.
"""

import re
from typing import Final

from parlour_protocol.kit.text.errors import WireTextError, WireTextReason

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_NONCHARACTER: Final = re.compile(f"[{_NONCHARACTERS}]")


def check_wire_text(text: str, *, max_bytes: int, max_lines: int) -> None:
    """Raise WireTextError unless the text may cross the wire.

    ``max_bytes`` counts UTF-8; ``max_lines`` counts lines as the rule shows them (only LF breaks a line).
    """
    # The cheap bound comes first: a text of a million characters is not searched before it is refused.
    if len(text) > max_bytes:
        raise WireTextError(WireTextReason.TOO_MANY_BYTES)
    if not text.isascii():
        if _SURROGATE.search(text):
            raise WireTextError(WireTextReason.SURROGATE)
        if _NONCHARACTER.search(text):
            raise WireTextError(WireTextReason.NONCHARACTER)
        if len(text.encode()) > max_bytes:
            raise WireTextError(WireTextReason.TOO_MANY_BYTES)
    if "\0" in text:
        raise WireTextError(WireTextReason.NUL)
    if text.count("\n") >= max_lines:
        raise WireTextError(WireTextReason.TOO_MANY_LINES)
