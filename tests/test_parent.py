"""The tests end with the `make` that runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.parent import VARIABLE

ROOT = Path(__file__).parents[1]
ENDLESS = """
import threading


def test_that_waits_for_ever():
    print("waiting", flush=True)
    threading.Event().wait()
"""


@pytest.mark.long
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_tests_end_when_make_is_killed(how: str, tmp_path: Path) -> None:
    """As by Ctrl+C, so that their servers end too."""
    (tmp_path / "test_endless.py").write_text(ENDLESS)
    make = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "tests.parent", "-p", "no:cacheprovider"]
    with subprocess.Popen(  # noqa: S603 - our own
        [*command, "-c", os.devnull, "--rootdir", tmp_path, tmp_path / "test_endless.py"],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(make.pid)},
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        try:
            assert tests.stdout is not None
            assert "waiting" in iter(tests.stdout.readline, "").__next__()
            getattr(make, how)()
            make.communicate()
            assert tests.wait(60) == pytest.ExitCode.INTERRUPTED
        finally:
            tests.kill()
            make.kill()
            make.communicate()


def test_the_makefile_says_which_one() -> None:
    """Both targets that start servers in the tests."""
    text = (ROOT / "Makefile").read_text()
    assert text.count(f"{VARIABLE}=$$PPID") == 1
