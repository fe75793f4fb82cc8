"""Writes a project: the package and the tests of an example under another name, and the frame around them.

Nothing of the kit is copied: the project imports it. All files appear at once, or none.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.new.project_name import ProjectName

_HERE: Final = Path(__file__).parent
_PACKAGED: Final = _HERE / "packaged"
TREE: Final = _PACKAGED if _PACKAGED.is_dir() else _HERE.parents[2]
"""The files of Parlour's repository in the wheel, or the repository."""
LOCKED: Final = TREE / "requirements/program.txt"
_LOCKS: Final = {LOCKED: "program.txt", LOCKED.with_name("program-server.txt"): "server.txt"}
"""The requirements of a project, and those of its server."""
_FRAME: Final = {
    "Containerfile": "Containerfile",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "parlour.txt": "requirements/parlour.txt",
    "pyproject.toml": "pyproject.toml",
    "workflow.yml": ".github/workflows/test.yml",
}
"""The files of `project/`, which end in `.in`, and what they become."""


class Kind(StrEnum):
    """The example that a project begins as."""

    BLANK = "blank"
    TICKER = "ticker"
    GAME = "game"


class _Frame(Template):
    """A file of the frame: `$` means much in a Makefile, so names stand as `@@{name}`."""

    delimiter = "@@"


def write_project(name: ProjectName, kind: Kind, folder: Path, parlour: str) -> Path:
    """Write the project into ``folder``, which must not exist. Raises SetupError.

    ``parlour`` is the requirement of Parlour.
    """
    if os.path.lexists(folder):
        raise SetupError(
            _("{folder} exists already; nothing was written.").format(folder=folder),
            _("Choose another name."),
        )
    files = _files(name, kind, parlour)
    try:
        with _whole(folder) as beginning:
            for path, text in files.items():
                target = beginning / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8", newline="\n")
            for lock, becomes in _LOCKS.items():
                shutil.copyfile(lock, beginning / "requirements" / becomes)
    except OSError as error:
        raise SetupError(
            _("{folder} can't be written: {strerror}.").format(folder=folder, strerror=error.strerror),
            _("Nothing was left there; try another folder."),
        ) from error
    return folder


def _files(name: ProjectName, kind: Kind, parlour: str) -> Mapping[str, str]:
    """Return the text of each file, by its path."""
    example = TREE / "examples" / kind
    sources = sorted([*(example / kind).rglob("*.py"), *(example / "tests").rglob("*.py")])
    texts = {path.relative_to(example).as_posix(): path.read_text("utf-8") for path in sources}
    words = {
        "word": name.word,
        "package": name.package,
        "title": name.title,
        "parlour": parlour,
    }
    frame = {path: _frame(source).substitute(words) for source, path in _FRAME.items()}
    package = {renamed(path, kind, name): renamed(text, kind, name) for path, text in texts.items()}
    return frame | package


def _frame(source: str) -> _Frame:
    return _Frame((_HERE / "project" / f"{source}.in").read_text("utf-8"))


def renamed(text: str, kind: str, name: ProjectName) -> str:
    """Return a text of the example with the project's name in it."""
    forms = {
        rf"\b{kind}(?=\.v\d|://)": name.word,  # the protocol, and its invite links
        f'"{kind.capitalize()}"': f'"{name.title}"',
        rf"\b{kind.upper()}(?=_)": name.package.upper(),
        rf"\b{kind}\b": name.package,
    }
    news = list(forms.values())
    pattern = "|".join(f"({each})" for each in forms)
    return re.sub(pattern, lambda found: news[(found.lastindex or 1) - 1], text)


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a folder to write in, which gets its name when all is written. Otherwise nothing is left."""
    umask = os.umask(0o077)
    os.umask(umask)
    beginning = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield beginning
        beginning.chmod(0o777 & ~umask)
        beginning.rename(folder)
    except BaseException:
        shutil.rmtree(beginning, ignore_errors=True)
        raise
