"""How a code point that may not be shown is written instead: `⟦ESC⟧`, `⟦U+202E⟧`, and with a count for a run.

The label is ASCII but for its brackets and the multiplication sign, so it is readable without colour and
says the same in every font. A peer may type the brackets: that only makes harmless text look suspicious.
`sanitiser.py` and `inspector.py` call it.
"""

from typing import Final

_C0: Final = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
)  # fmt: skip
_DELETE: Final = 0x7F
TIMES: Final = "\u00d7"


def label(point: int) -> str:
    """Return the name of a code point: `ESC`, `DEL` or `U+202E`."""
    if point < len(_C0):
        return _C0[point]
    return "DEL" if point == _DELETE else f"U+{point:04X}"


def escape(point: int, count: int = 1) -> str:
    """Return the visible escape for a run of ``count`` times one code point."""
    return f"⟦{label(point)}{TIMES}{count}⟧" if count > 1 else f"⟦{label(point)}⟧"
