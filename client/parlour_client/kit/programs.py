"""Finds a program of this machine by its name: in the folders of ``PATH``, and nowhere else.

Windows also looks where the client was started, and so does a `PATH` with a relative folder. Files that
people send are saved to such places, and one of them may be called like a program.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def find_program(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the program's path, or None."""
    folders = map(Path, environment.get("PATH", os.defpath).split(os.pathsep))
    return next(
        # a name with a folder is looked for in that folder only
        (found for folder in folders if folder.is_absolute() and (found := shutil.which(str(folder / name)))),
        None,
    )
