"""A running server with people at its tables."""

from typing import Any

import pytest

from parlour_server.app.app import App
from parlour_server.testing.attacks import change, initialised, world
from parlour_server.testing.server import World

from game.server import app

from .players import Join, Player

__all__ = ["change", "initialised", "world"]


@pytest.fixture
def program() -> App[Any]:
    """Return the server's program, for ``world`` and the attacks."""
    return app


@pytest.fixture
def join(world: World) -> Join:
    """Return a function that invites someone."""

    async def player(name: str) -> Player:
        person = await world.person(name)
        return Player(person, await person.connect())

    return player
