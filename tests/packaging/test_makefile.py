"""The Makefile does what it is asked for, and nothing when it is asked what it would do."""

import shutil
import subprocess
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
