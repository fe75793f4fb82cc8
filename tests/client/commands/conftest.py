"""Fixtures of the tests of commands: a client in memory, and a call in its lobby."""

import pytest
from tests.client.commands.giving import call_from
from tests.client.ui.ui_fake import FakeClient

from parlour_client.commands.command import Call
from parlour_client.commands.front import Front


@pytest.fixture
def client() -> FakeClient:
    """Return a client with a lobby, a garden and a direct room with bob."""
    one = FakeClient.peopled()
    one.calls.clear()
    return one


@pytest.fixture
def call(client: FakeClient) -> Call:
    """Return a call from the lobby, in the line mode."""
    return call_from(client, Front.LINE)
