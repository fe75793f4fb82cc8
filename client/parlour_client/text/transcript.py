"""Messages as plain text for another program: who wrote what, and when.

A line that begins with a time is ours: every further line of a message is indented.
"""

from collections.abc import Iterable

from parlour_client.core.model import Entry
from parlour_client.text.date_text import day_and_time
from parlour_client.text.file_text import facts_of
from parlour_protocol.kit.text import safe_text


def transcript(entries: Iterable[Entry]) -> str:
    """Return them as displayed, without those that were deleted."""
    return "\n".join(line for entry in entries if not entry.deleted for line in _lines(entry))


def _lines(entry: Entry) -> list[str]:
    lines = list(safe_text(entry.text).lines) if entry.text else []
    if entry.file is not None:
        name = " ".join(safe_text(entry.file.name).lines)
        lines.append(f"[{facts_of(entry.file)}] {name}")
    if not lines:
        return []
    first, *others = lines
    return [f"{day_and_time(entry.at)} {entry.author}: {first}", *(f"  {line}" for line in others)]
