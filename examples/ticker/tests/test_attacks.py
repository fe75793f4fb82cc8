"""The attacks of the kit on this program: each passes as long as nothing takes a defence away."""

import pytest

from parlour_server.testing.attacks import *  # noqa: F403 - every attack is a test

from ticker.server import app

program = pytest.fixture(lambda: app)
