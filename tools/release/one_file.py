"""Parlour in one file, for a machine that has Python and nothing else: a PEX, with all that it needs inside.

It runs with the Python that it was built for, on the kind of machine on which it was built. The first run
unpacks it into the person's cache; both commands are in it, and the one with the name of the file is run.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from packaging.tags import sys_tags

from tools.release.wheelhouse import make_wheelhouse

DIST: Final = Path(__file__).parents[2] / "dist"
EXTRAS: Final = "fast"


def build_one_file(wheel: Path, wheels: Path, folder: Path) -> Path:
    """Build it into a folder, from Parlour's wheel and a folder with the wheels that this needs."""
    tag = next(sys_tags())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    _name, number, *_rest = wheel.stem.split("-")
    there = folder / f"parlour-{number}-{tag.interpreter}-{tag.platform}.pex"
    with tempfile.TemporaryDirectory() as scratch:
        _run(
            "pex", f"parlour[{EXTRAS}] @ {wheel.as_uri()}",
            "--no-pypi", "--find-links", str(wheels), "--pex-root", scratch,
            "--console-script", "parlour", "--venv", "--sh-boot",
            "--interpreter-constraint", f"CPython=={version}.*", "--output-file", str(there),
        )  # fmt: skip
    return there


def _run(module: str, *words: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build it from this folder, and from what is installed here."""
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch)
        make_wheelhouse(wheels, (f"parlour[{EXTRAS}]",))
        _run("hatchling", "build", "-t", "wheel", "-d", scratch)
        DIST.mkdir(exist_ok=True)
        print(build_one_file(next(wheels.glob("parlour-*.whl")), wheels, DIST))


if __name__ == "__main__":
    main()
