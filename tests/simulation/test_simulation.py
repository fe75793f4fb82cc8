"""Some hundred schedules of servers whose parts race, and servers that lack a defence, to be caught.

They run in a process of their own, where sets have the same order every time: a seed that fails here fails
with `python -m tests.simulation --replay SEED`, too. More seeds: `make simulation ARGS="--seeds 10000"`.
"""

import subprocess
import sys

import pytest
from tests.simulation.world import run


def simulate(*options: str) -> str:
    """Run the simulation; return what it printed."""
    command = [sys.executable, "-m", "tests.simulation", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)  # noqa: S603
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def test_no_schedule_loses_repeats_or_reorders_an_event():
    """Whatever fails, clients see the log, get nothing after a membership's end, and all of it in the end."""
    assert "0 violations" in simulate("--seeds", "180")


@pytest.mark.long
def test_each_missing_defence_is_caught():
    """A simulation that finds nothing in broken servers would say nothing about sound ones."""
    assert " 0 missed" in simulate("--mutants", "--seeds", "300")


@pytest.mark.parametrize("seed", [3, 40])
def test_a_seed_replays(seed: int):
    """The same seed is the same schedule: what clients are sent, and when."""
    first, second = run(seed), run(seed)
    assert (first.digest, first.frames) == (second.digest, second.frames)
    assert first.frames
