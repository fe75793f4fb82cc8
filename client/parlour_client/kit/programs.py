"""Finds a program of this machine by its name, in the folders of ``PATH`` and nowhere else; and ends one.

Windows also looks where the client was started, and so does a `PATH` with a relative folder. Files that
people send are saved to such places, and one of them may be called like a program.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LEFT: Final = 65_536
"""Bytes at a time that are read of what an ended program has left."""


def find_program(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the program's path, or None."""
    folders = map(Path, environment.get("PATH", os.defpath).split(os.pathsep))
    return next(
        # a name with a folder is looked for in that folder only
        (found for folder in folders if folder.is_absolute() and (found := shutil.which(str(folder / name)))),
        None,
    )


async def end_program(process: asyncio.subprocess.Process) -> None:
    """Kill the program if it still runs, and wait until it and its pipe are closed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdout is not None:
        while await process.stdout.read(_LEFT):
            pass  # asyncio's wait does not end while a full pipe is unread
    await process.wait()
