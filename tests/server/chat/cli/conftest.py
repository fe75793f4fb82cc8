"""What the tests of the commands share."""

from collections.abc import Iterator

import pytest
from tests.server.fakes import CHEAP

from parlour_server.core.accounts import password_hashing


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Let commands that run in this process hash in microseconds; processes of their own hash as always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password_hashing, "PasswordHasher", lambda: CHEAP)
        yield
