"""Random walks of honest people: no alarm, whatever they do.

A few run in `make test`. `PARLOUR_SOAK=200` makes it two hundred, each with a seed of its own, and
`PARLOUR_SEED=3` begins with that one.
"""

import os

import pytest
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.honest_walk import HonestWalk

FIRST = int(os.environ.get("PARLOUR_SEED", "3"))
WALKS = int(os.environ.get("PARLOUR_SOAK", "3"))
STEPS = 25


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + WALKS))
async def test_no_honest_walk_sounds_an_alarm(harness: Harness, seed: int) -> None:
    """Devices come and go, homes and the server are restored, people leave and return."""
    walk = HonestWalk(harness, seed)
    try:
        await walk.begin()
        await walk.play(STEPS)
    except BaseException as error:
        error.add_note(f"walk {seed}: {' > '.join(walk.story)}")
        raise
