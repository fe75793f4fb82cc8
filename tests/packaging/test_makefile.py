"""The Makefile does what it is asked for, and nothing when it is asked what it would do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", ["test", "test-all", "docs-site", "release-check"])
def test_a_dry_run_runs_nothing(target: str, tmp_path: Path) -> None:
    """A recipe with `$(MAKE)` in it runs with -n as well: no line that runs the tests may have it."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(  # noqa: S603 - ours
        ["env", "-u", "MAKEFLAGS", "-u", "MFLAGS", "make", "-n", target],  # noqa: S607 - as a person runs it
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(tmp_path.iterdir()) == before


PYTHON = """#!/bin/sh
# a Python whose venv fails as Debian's does without python3-venv, until there is a file `mended`
case "$*" in
"-m venv "*)
    mkdir -p "$3/bin" && ln -sf "$0" "$3/bin/python"
    test -e mended || exit 1
    touch "$3/bin/pip.there" ;;
"-m pip --version") test -e .venv/bin/pip.there || { echo "No module named pip" >&2; exit 1; } ;;
esac
"""


def test_an_environment_that_could_not_be_made_is_made_again(tmp_path: Path) -> None:
    """What Python's venv leaves where it fails has no pip: it goes, and the error names the package."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "mkdir", "ln", "test", "touch", "rm", "echo"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    make = [str(shutil.which("make")), "install", "REQS=none", f"PYTHON={python}", "UV="]
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}

    def install() -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - ours
            make, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    failed = install()
    assert failed.returncode != 0
    assert "apt install python3-venv" in failed.stderr
    assert not (tmp_path / ".venv").exists()
    (tmp_path / ".venv/bin").mkdir(parents=True)  # as an earlier make left it
    (tmp_path / ".venv/bin/python").symlink_to(python)
    (tmp_path / "mended").touch()
    assert install().returncode == 0
    assert (tmp_path / ".venv/bin/pip.there").exists()


@pytest.mark.long
def test_tests_are_collected_without_git() -> None:
    """In an unpacked archive on a machine without git; what applies patches is skipped, and says why."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603 - ours
        [*words, "tests/docs", "tests/packaging"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:]
    assert "error" not in done.stdout.splitlines()[-1]
