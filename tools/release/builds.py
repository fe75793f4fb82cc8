"""The two distributions, built here and built again as on another machine."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

_LONG_AGO: Final = 946_684_800


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """Build both distributions of a source tree; returns the sdist and the wheel."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def build_elsewhere(sdist: Path, folder: Path) -> tuple[Path, Path]:
    """Build both again from an unpacked sdist as another machine would.

    What must not matter differs: folder, umask, rights and times of files, time zone and SOURCE_DATE_EPOCH.
    """
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    source = next(path for path in folder.iterdir() if path.is_dir())
    for path in source.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (_LONG_AGO, _LONG_AGO))
    command = 'umask 077; exec "$0" -m hatchling build -d "$1"'
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(_LONG_AGO), "TZ": "Asia/Tokyo"}
    built = folder / "built"
    subprocess.run(
        ["sh", "-c", command, sys.executable, str(built)],
        cwd=source,
        env=environment,
        check=True,
        capture_output=True,
    )
    return next(built.glob("*.tar.gz")), next(built.glob("*.whl"))
