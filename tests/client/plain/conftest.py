"""Fixtures of the line mode's tests: a client in memory, and a person who listens."""

import pytest
from tests.client.plain.ear import Ear
from tests.client.ui.ui_fake import FakeClient


@pytest.fixture
def client() -> FakeClient:
    """Return a client with a lobby, a garden and a direct room with bob."""
    return FakeClient.peopled()


@pytest.fixture
async def ear(client: FakeClient) -> Ear:
    """Return a person in the lobby."""
    one = Ear(client)
    await one.mode.start()
    await one.say("/go lobby")
    client.calls.clear()
    return one
