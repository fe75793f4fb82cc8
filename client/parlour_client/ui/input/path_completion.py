"""Completes a path from the folder that was typed so far.

It lists names and opens nothing. A name with a control or invisible character is not offered; neither is a
hidden file before its dot is typed. ``completion`` calls it.
"""

import os
from itertools import islice
from pathlib import Path
from typing import Final

from parlour_client.text.file_text import written_path

LOOKED_AT: Final = 2_000
"""Names of a folder that are read: the composer must not wait for a big one."""


def paths(typed: str, most: int) -> list[str]:
    """Return completions of the typed path, as they are written; folders end with a slash."""
    plain = typed.replace("\\ ", " ").replace("\\\\", "\\")
    head, _, begun = plain.rpartition("/")
    folder = f"{head}/" if "/" in plain else ""
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            names = [
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in islice(entries, LOOKED_AT)
                if _is_offered(entry.name, begun)
            ]
    except (OSError, RuntimeError):  # no such folder, or no such person's home
        return []
    return [written_path(f"{folder}{name}") for name in sorted(names)[:most]]


def _is_offered(name: str, begun: str) -> bool:
    return name.startswith(begun) and name.isprintable() and (begun.startswith(".") or name[0] != ".")
