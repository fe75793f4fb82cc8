"""A certificate for the servers of the patterns."""

import pytest
from tests.server.core.net.conftest import Pair, make_pair


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return a certificate for localhost, and its key."""
    return make_pair(tmp_path_factory.mktemp("tls"))
