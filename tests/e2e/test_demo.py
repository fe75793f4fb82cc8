"""The demo: what `make demo ARGS=--headless` plays holds, and a script that does not hold says so."""

import subprocess
import sys
from pathlib import Path

from parlour_client.demo.acts import MissedError, Scene, play
from parlour_client.demo.house import House


def test_the_demo_without_a_screen_holds() -> None:
    """Every act of the demo holds against a real server process, and the command exits 0."""
    command = [sys.executable, "-m", "parlour_client", "demo", "--headless"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "9 of 9 held." in done.stdout


def test_the_demo_with_a_screen_says_what_to_do_without_one() -> None:
    """Without a terminal the demo says how to run it, and exits 1 without a traceback."""
    command = [sys.executable, "-m", "parlour_client", "demo"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "--headless" in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_act_that_does_not_hold_is_told(tmp_path: Path) -> None:
    """An act that finds something else than it must is reported as not held, with what it found."""

    async def act(_scene: Scene) -> str:
        """Water is dry."""
        raise MissedError("it was wet")

    held, report = await play(act, Scene(House(tmp_path), {}))
    assert not held
    assert report == "Water is dry. But it was wet."
