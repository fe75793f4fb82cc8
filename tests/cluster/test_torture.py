"""A short torture of three nodes: what the checker asserts holds while parts of the cluster fail."""

import pytest
from tests.cluster.torture import Options, Report, torture
from tests.cluster.verdict import MINIMA, Verdict


def test_a_run_that_judged_too_little_is_not_good() -> None:
    """It says that it is inconclusive, and its status is another one than that of a good one."""
    verdict = Verdict()
    report = Report(190, 243, verdict, verdict.too_little(), late=203)
    assert report.status == 2
    assert report.line == "INCONCLUSIVE: 190 faults, 243 acknowledged, 0 violations"


def test_a_violation_is_one_however_little_was_judged() -> None:
    """What is wrong is wrong."""
    verdict = Verdict()
    verdict.fault(1, "lost")
    report = Report(1, 1, verdict, verdict.too_little())
    assert (report.status, report.line) == (1, "1 faults, 1 acknowledged, 1 violations")


def test_a_run_is_good_that_judged_enough() -> None:
    """No violation, and no minimum that was not reached."""
    verdict = Verdict()
    for minimum in MINIMA:
        verdict.judged[minimum.what] = minimum.least
    assert Report(1, 1, verdict, verdict.too_little()).status == 0


async def _run(options: Options) -> Report:
    told: list[str] = []
    report = await torture(options, told.append)
    assert not report.violations, [*told, *map(str, report.violations)]
    assert report.faults
    assert report.acknowledged
    return report


@pytest.mark.long
async def test_nothing_is_lost_while_parts_of_a_cluster_fail() -> None:
    """Every kind of harm to a node, its links, the database and the bus is possible in these seconds."""
    await _run(Options(seed=1, seconds=4, people=2, encrypted=2, rooms=2, pause=0.3))


@pytest.mark.long
async def test_nothing_is_lost_in_another_half_minute() -> None:
    """The same with another schedule; most of what a longer run demands is judged here as well.

    On a busy machine less happens in the same time, so it gets more.
    """
    for seconds in (15, 60):
        report = await _run(Options(seed=2, seconds=seconds))
        if len(report.too_little) < len(MINIMA) / 2:
            return
    pytest.fail(f"judged too little: {report.too_little}")
