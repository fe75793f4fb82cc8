"""Text of strangers, sanitised for lines of a terminal."""

from typing import Final

from parlour_protocol.kit.text import BLANK_LABEL, safe_text

INDENT: Final = "    | "
"""Before each further line of a stranger's text, so that none can look like a line of its own."""


def shown(untrusted: str, indent: str = INDENT) -> str:
    """Return a stranger's text sanitised for a terminal; its further lines are indented."""
    safe = safe_text(untrusted)
    return BLANK_LABEL if safe.blank else f"\n{indent}".join(safe.lines)
