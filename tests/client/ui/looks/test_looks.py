"""The screen has the cells of each mock-up. Whoever makes one equal takes it out of ``_TO_DO``."""

from pathlib import Path

import pytest
from tests.client.ui.looks.cases import LOOKS, compared, opened

pytestmark = pytest.mark.usefixtures("in_utc")

_TO_DO = {
    "status-select",
    "question-revoke", "question-approve", "question-remove",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.xfail(strict=True)] if name in _TO_DO else []) for name in LOOKS],
)
async def test_a_mock_up(name: str, tmp_path: Path) -> None:
    """The cells are equal."""
    async with opened(LOOKS[name], tmp_path) as pilot:
        differences = compared(pilot.app, name)
    assert not differences, differences
