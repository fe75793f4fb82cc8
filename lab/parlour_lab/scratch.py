"""A copy of Parlour in a temporary folder, in which a defence is taken out and put back.

The installed packages are only read. What is played on the copy is a process with the copy first on its path,
which ends if one of its modules came from anywhere else (`job.py`).
"""

import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parlour_lab.rows import Defence, place
from parlour_lab.source import PACKAGES, Source, is_of_library

_SKIPPED: Final = shutil.ignore_patterns(
    ".*", "node_modules", "dist", "build", "bin", "*.log", "RESULTS*", "screenshots"
)
_OTHERS: Final = "libraries"
"""The folder of the copy that has a library while a defence of its is taken out."""
_NEEDED_BY_TESTS: Final = (".ci", ".github", ".gitignore")


class Scratch:
    """The copy; one process at a time may change it."""

    def __init__(self, folder: Path, source: Source, *, tests: bool = False) -> None:
        """Copy the packages, and of a checkout everything else if tests are to run in it."""
        self.folder = folder
        self._source = source
        self._changes = itertools.count(1)
        if tests and source.repository is not None:
            shutil.copytree(source.repository, folder, ignore=_SKIPPED, symlinks=True)
            for name in _NEEDED_BY_TESTS:
                place = source.repository / name
                if place.is_dir():
                    shutil.copytree(place, folder / name)
                elif place.is_file():
                    shutil.copy2(place, folder / name)
        else:
            for package, top in PACKAGES.items():
                shutil.copytree(source.packages[package], folder / top / package, ignore=_SKIPPED)

    @property
    def paths(self) -> list[str]:
        """What a process puts on its path to use the copy."""
        return [os.fspath(self.folder / top) for top in dict.fromkeys((*PACKAGES.values(), _OTHERS))]

    @contextmanager
    def without(self, defences: Sequence[Defence]) -> Iterator[None]:
        """Take the defences out, and put them back at the end. Raises RowError if one isn't there once."""
        for one in defences:
            place(one, self._source)
        changed = list(dict.fromkeys(one.file for one in defences))
        try:
            for one in defences:
                file = self._file(one.file)
                file.write_text(file.read_text("utf-8").replace(one.text, one.replacement), "utf-8")
                # Python sees by time and size whether it has compiled a file
                at = 1_000_000_000 + next(self._changes)
                os.utime(file, (at, at))
            yield
        finally:
            for name in changed:
                shutil.copy2(self._source.path(name), self._file(name))
            shutil.rmtree(self.folder / _OTHERS, ignore_errors=True)

    def _file(self, name: str) -> Path:
        """Return where a file is in the copy.

        A library, or a file of a checkout, is copied when it is first changed.
        """
        is_library = is_of_library(name)
        file = self.folder / (_OTHERS if is_library else "") / name
        if not file.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"{name} is not in the copy")
        if is_library and not file.exists():
            package = name.partition("/")[0]
            shutil.copytree(
                self._source.path(f"{package}/"), self.folder / _OTHERS / package, ignore=_SKIPPED
            )
        elif not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._source.path(name), file)
        return file
