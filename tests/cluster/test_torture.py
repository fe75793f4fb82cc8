"""A short torture of three nodes: what the checker asserts holds while parts of the cluster fail."""

import pytest
from tests.cluster.torture import Options, torture


async def _run(options: Options) -> None:
    told: list[str] = []
    report = await torture(options, told.append)
    assert not report.violations, [*told, *map(str, report.violations)]
    assert report.faults
    assert report.acknowledged


@pytest.mark.long
async def test_nothing_is_lost_while_parts_of_a_cluster_fail() -> None:
    """Every kind of harm to a node, its links, the database and the bus is possible in these seconds."""
    await _run(Options(seed=1, seconds=4, people=2, encrypted=2, rooms=2, pause=0.3))


@pytest.mark.long
async def test_nothing_is_lost_in_another_half_minute() -> None:
    """The same with another schedule."""
    await _run(Options(seed=2, seconds=15))
