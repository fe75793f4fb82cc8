"""People for attacks: five homes and a server, made once and copied for each attack."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from parlour_lab.attack import Attack, Outcome
from parlour_lab.hostile.people import World
from parlour_server.core.output import captured

PEOPLE: Final = ("ada", "ben", "cat", "dan", "spy")
"""``spy`` is the operator's own account."""


def prepare_people(folder: Path) -> None:
    """Make the server's data and the home of each person."""
    folder.mkdir(parents=True)
    with captured():
        asyncio.run(_make(folder))


async def _make(folder: Path) -> None:
    world = World(folder)
    await world.server.make()
    await world.server.start()
    for user in PEOPLE:
        await world.join(user)
    await world.close()


def play_among_people(attack: Attack, prepared: Path, place: Path) -> Outcome:
    """Play an attack that is a coroutine, on a copy of what was prepared."""
    folder = place / "world"
    shutil.copytree(prepared, folder)
    with captured():
        return asyncio.run(_play(attack, folder))


async def _play(attack: Attack, folder: Path) -> Outcome:
    world = World(folder)
    await world.server.start()
    try:
        return await attack.play_async(world)
    finally:
        await world.close()
