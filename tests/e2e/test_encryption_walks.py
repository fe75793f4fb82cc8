"""Random walks of people with several devices over real wss: whatever dies on the way, all agree in the end.

A walk of three people runs in `make test`, and two of all eight in `make test-all`. `PARLOUR_SOAK=100` makes
it a hundred, each with a seed of its own, and `PARLOUR_SEED=3` begins with that one.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import pytest
from tests.e2e.e2ee_people import World
from tests.e2e.e2ee_story import Story

FIRST = int(os.environ.get("PARLOUR_SEED", "6"))
WALKS = int(os.environ.get("PARLOUR_SOAK", "2"))
PEOPLE = {"ada": 3, "ben": 3, "cat": 2, "dan": 2, "eve": 1, "fay": 1, "gus": 1, "hal": 1}
"""Each with so many devices; a walk is that of two to eight of them."""


THREE = 8
"""A seed that picks three of them, with six devices."""


def picked(chance: Random) -> list[str]:
    """Return who takes part in a walk."""
    return chance.sample(sorted(PEOPLE), chance.randint(2, len(PEOPLE)))


@pytest.mark.part
@pytest.mark.timeout(600)
async def test_a_walk_of_three(tmp_path: Path) -> None:
    """All agree, who was entitled reads and no one else does, nothing is twice, and the order is one."""
    who = picked(Random(THREE))  # noqa: S311 - to be repeated
    await walked(tmp_path, [THREE], {one: PEOPLE[one] for one in who})


@pytest.mark.long
@pytest.mark.timeout(600 + 240 * WALKS)
async def test_walks(tmp_path: Path) -> None:
    """The same for more people, one walk after another on the same server."""
    await walked(tmp_path, range(FIRST, FIRST + WALKS), PEOPLE)


async def walked(folder: Path, seeds: Iterable[int], people: Mapping[str, int]) -> None:
    """Let people walk, and judge each walk."""
    world, total = World(folder), Counter[str]()
    try:
        await world.populate(people)
        for seed in seeds:
            chance = Random(seed)  # noqa: S311 - to be repeated
            story = Story(world, seed, picked(chance))
            try:
                await story.begin()
                await story.play(14)
                await story.agreed()
                tally = story.judge()
            except Exception as error:
                error.add_note(f"walk: {story}")
                raise
            # Where two people part early, each message has one reader: of all walks together some have more.
            assert tally["readable"] >= tally["sealed"] > 0, str(story)
            total += tally
        assert total["readable"] > total["sealed"]
    finally:
        await world.close()
