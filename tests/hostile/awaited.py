"""Marks for scenarios whose defence is not built yet: each names the promise, and fails once it is kept."""

import pytest

MEMBERSHIP = pytest.mark.xfail(strict=True, reason="members do not yet decide themselves who is in a room")
LINKS = pytest.mark.xfail(strict=True, reason="messages are not yet linked to the ones before them")
OLD_HOME = pytest.mark.xfail(strict=True, reason="a home that was rolled back may still use a key again")
BACK_AGAIN = pytest.mark.xfail(
    strict=True, reason="an open room whose lost history comes back shows it a second time"
)
