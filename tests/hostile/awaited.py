"""Marks for scenarios whose defence is not built yet: each names the promise, and fails once it is kept."""

import pytest

LINEAGE = pytest.mark.xfail(
    strict=True, reason="an admission does not yet say to which group of people it leads"
)
BACK_AGAIN = pytest.mark.xfail(
    strict=True, reason="an open room whose lost history comes back shows it a second time"
)
