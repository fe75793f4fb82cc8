"""What a forked process allows the attacks that it plays."""

import socket
from pathlib import Path

import pytest

from parlour_lab.attack import Attack, Stage, Verdict
from parlour_lab.job import Players


def _listen(*_: object) -> bool:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
    return True


@pytest.mark.parametrize(("stage", "verdict"), [(Stage.UNIT, Verdict.ERROR), (Stage.NOTHING, Verdict.HELD)])
def test_a_unit_that_uses_the_network_is_an_error(tmp_path: Path, stage: Stage, verdict: Verdict) -> None:
    """It would be counted as what calls code in its own process; other attacks may."""
    outcomes = []
    attack = Attack("x.y", "a title", "it holds", stage, _listen)
    Players(tmp_path, tmp_path, outcomes.append).play([attack])
    assert [one.verdict for one in outcomes] == [verdict]
