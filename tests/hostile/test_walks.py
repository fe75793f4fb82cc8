"""Random walks of a hostile operator against three people, and a guest who comes and goes.

A short walk runs in `make test`, two of all acts in `make test-all`. `PARLOUR_SOAK=50` makes it fifty, each
with a seed of its own, and `PARLOUR_SEED=3` begins with that one. `HARD` went wrong once.
"""

import os

import pytest
from tests.hostile.walk import ACTS, Walk

from parlour_lab.hostile.people import World

FIRST = int(os.environ.get("PARLOUR_SEED", "33"))
WALKS = int(os.environ.get("PARLOUR_SOAK", "1"))
HARD = (11,)
"""A member whom an unsigned event calls removed has to recreate the group, after a log that was edited."""


async def walked(world: World, seed: int, steps: int) -> None:
    """Walk, and say on which way it went wrong."""
    walk = Walk(world, seed)
    try:
        await walk.begin()
        await walk.play(steps)
    except BaseException as error:
        error.add_note(f"walk {seed}: {' > '.join(walk.story)}")
        raise


@pytest.mark.part
async def test_a_walk(world: World) -> None:
    """Some acts of the operator, each after one of the people."""
    await walked(world, seed=1, steps=4)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [*HARD, *range(FIRST, FIRST + WALKS)])
async def test_walks(world: World, seed: int) -> None:
    """All acts in another order each time."""
    await walked(world, seed, steps=len(ACTS))
