"""The game of `examples/game`, by the commands of its README; its own tests are beside it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.examples.programs import (
    EXAMPLES,
    assert_the_client_loads_nothing_of_the_chat,
    assert_the_server_loads_nothing_of_the_chat,
)


def test_the_client_loads_nothing_of_the_chat() -> None:
    """Neither of its side nor of the server's."""
    assert_the_client_loads_nothing_of_the_chat("game")


def test_the_server_loads_nothing_of_the_chat(tmp_path: Path) -> None:
    """Its process is asked at its end, after it has served."""
    assert_the_server_loads_nothing_of_the_chat("game", tmp_path)


@pytest.mark.long
def test_the_demo_plays_a_match() -> None:
    """Headless: two people, who play at random until the match is over."""
    done = subprocess.run(
        [sys.executable, "-m", "game.demo", "--headless"],
        capture_output=True,
        text=True,
        check=False,
        cwd=EXAMPLES / "game",
    )
    assert done.returncode == 0, done.stderr
    assert "was played to its end" in done.stdout
