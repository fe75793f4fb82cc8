"""Text from other people: the checks on the wire, the display, and the terminal's filter.

`check_wire_text` (wall one), `safe_text` (wall two) and `forbidden.FORBIDDEN` (wall three) share the
tables of one pinned Unicode version. Nothing here knows a terminal or a widget; importing it loads no table.
"""

from parlour_protocol.kit.text.errors import WireTextError, WireTextReason
from parlour_protocol.kit.text.sanitiser import BLANK_LABEL, SafeText, Span, safe_text
from parlour_protocol.kit.text.wire_text import check_wire_text

__all__ = [
    "BLANK_LABEL",
    "SafeText",
    "Span",
    "WireTextError",
    "WireTextReason",
    "check_wire_text",
    "safe_text",
]
