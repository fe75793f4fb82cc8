"""Fixtures of the tests of commands: a client in memory."""

import pytest
from tests.client.ui.ui_fake import FakeClient


@pytest.fixture
def client() -> FakeClient:
    """Return a client with a lobby, a garden and a direct room with bob."""
    one = FakeClient.peopled()
    one.calls.clear()
    return one
