"""What git knows of this repository; tests that need git itself are skipped without it."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
_GIT: Final = shutil.which("git")

needs_git: Final = pytest.mark.skipif(
    _GIT is None, reason="NOT TESTED: git is missing, which applies patches"
)


@cache
def tracked() -> frozenset[str]:
    """Return the paths of all files that git knows; without git, or in an unpacked archive, of all."""
    if _GIT is not None:
        done = subprocess.run([_GIT, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - of the developer
        if done.returncode == 0 and done.stdout:
            return frozenset(name for name in done.stdout.split("\n") if (ROOT / name).is_file())
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return frozenset(path.as_posix() for path in files if not _is_made(path))


def _is_made(path: Path) -> bool:
    """Return whether a file is none of the repository, but made there."""
    return path.parts[0].startswith(".") or "__pycache__" in path.parts or path.parts[0] in {"build", "dist"}
