"""The name under which a received file is saved: visible, and with no special meaning to any system.

It never begins with a dot (hidden) or a dash (an option of a command), is not a device of Windows or a path,
and has no invisible characters. `core.e2ee.messages.attachments` gives it to a finished file; a displayed
message keeps the name that was sent.
"""

from typing import Final

from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import beginning
from parlour_protocol.kit.text.unicode_data import is_blank

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
"""Of any file system, Windows included."""
_DEVICES: Final = frozenset({
    "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
    *(f"{name}{digit}" for name in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"),
})  # fmt: skip
_MARKS: Final = frozenset("\u200b\u200e\u200f\u061c")
"""Characters that reorder or break a line of text mean nothing in a name."""
_STEM_BYTES: Final = 180
_SUFFIX: Final = 20
"""Code points; anything longer, or with a space in it, is not a suffix."""
_NAMELESS: Final = "file"


def saved_name(sent: str) -> tuple[str, str]:
    """Return stem and suffix of the name to save under."""
    spans = (span for line in safe_text(sent).spans for span in line)
    shown = "".join("_" if span.is_escape else "".join(map(_allowed, span.text)) for span in spans)
    name = " ".join(shown.split()).lstrip(" .-").rstrip(" .")
    stem, dot, ending = name.rpartition(".")
    is_suffix = dot and stem and len(ending) <= _SUFFIX and " " not in ending
    stem, suffix = (stem, f".{ending}") if is_suffix else (name, "")
    stem = _within(stem, _STEM_BYTES).rstrip(" .") or _NAMELESS
    device = stem.split(".")[0].rstrip(" ").upper()
    return (f"_{stem}" if device in _DEVICES else stem), suffix


def _allowed(char: str) -> str:
    if char in _MARKS:
        return ""
    if is_blank(char):
        return " "  # it looks like one: to a program U+2800 is not a space
    return "_" if char in _FORBIDDEN else char


def _within(text: str, size: int) -> str:
    """Return the beginning that fits into so many bytes, cut between whole clusters."""
    end = len(text)
    while len(text[:end].encode()) > size:
        end = len(beginning(text, end - 1))
    return text[:end]
