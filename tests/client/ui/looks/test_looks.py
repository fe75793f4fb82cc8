"""The screen has the cells of each mock-up."""

from pathlib import Path

import pytest
from tests.client.ui.looks.cases import LOOKS, compared, opened

pytestmark = pytest.mark.usefixtures("in_utc")


@pytest.mark.parametrize("name", LOOKS)
async def test_a_mock_up(name: str, tmp_path: Path) -> None:
    """The cells are equal."""
    async with opened(LOOKS[name], tmp_path) as pilot:
        differences = compared(pilot.app, name)
    assert not differences, differences
