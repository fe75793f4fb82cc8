"""The attacks of the kit on this program: each passes as long as nothing takes a defence away."""

from typing import Any

import pytest

from parlour_server.app.app import App
from parlour_server.testing.attacks import *  # noqa: F403 - every attack is a test

from blank import server


@pytest.fixture
def program() -> App[Any]:
    """Return the program that is attacked."""
    return server.app
