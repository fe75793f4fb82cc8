"""A seed gives the same faults each time, on every machine."""

from itertools import pairwise

import pytest
from tests.cluster.nemesis import NODE_KINDS, SHARED_KINDS, schedule, skews
from tests.cluster.torture import Options


def told(seed: int, seconds: float = 60) -> list[str]:
    """Return the schedule of a run with the usual options, as it is printed."""
    usual = Options(seed)
    steps = schedule(
        seed, seconds, usual.nodes, usual.kinds, usual.pause, usual.calm, all_kinds=usual.all_kinds
    )
    return [f"{step.at:.1f} s: {step}, for {step.seconds:.1f} s" for step in steps]


def test_a_seed_replays_its_schedule() -> None:
    """Also in another process, on another machine and with another version of Python."""
    assert told(1) == told(1)
    assert told(1)[:3] == [
        "0.5 s: half-open clients 1, for 1.6 s",
        "0.8 s: break clients 3, for 0.6 s",
        "1.3 s: half-open database 3, for 0.5 s",
    ]
    assert [round(skew, 1) for skew in skews(1, 3, 20)] == [-18.0, 3.3, -10.1]


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    """What a seed has found in an hour is found with fewer seconds as well."""
    short = told(7, 30)
    assert told(7, 60)[: len(short)] == short


def test_storms_leave_time_to_people() -> None:
    """Faults follow each other closely for some seconds, and not in the seconds after that."""
    usual = Options(1)
    steps = schedule(1, 120, 3, usual.kinds, usual.pause, usual.calm, all_kinds=False)
    gaps = [later.at - step.at for step, later in pairwise(steps)]
    calms = [gap for gap in gaps if gap > usual.calm]
    assert len(calms) > 5
    assert max(gap for gap in gaps if gap not in calms) < 2 * usual.pause


@pytest.mark.parametrize("seed", range(3))
def test_another_seed_has_another_schedule(seed: int) -> None:
    """Other kinds of faults, at other times, with other clocks."""
    assert told(seed) != told(seed + 1)
    assert skews(seed, 3, 20) != skews(seed + 1, 3, 20)


def test_seeds_together_have_every_kind_of_fault() -> None:
    """Each leaves half of them out."""
    kinds = {
        step.kind
        for seed in range(8)
        for step in schedule(seed, 120, 3, Options(seed).kinds, 1.0, 6.0, all_kinds=False)
    }
    assert kinds == {*NODE_KINDS, *SHARED_KINDS}
