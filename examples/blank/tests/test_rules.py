"""What the server decides."""

import pytest

from blank.rules import HIGHEST, added


@pytest.mark.parametrize(("total", "number", "after"), [(0, 0, 0), (3, 2, 5), (HIGHEST, 1, 0)])
def test_the_counter_adds_and_begins_again(total: int, number: int, after: int) -> None:
    """It stays within what a frame may carry."""
    assert added(total, number) == after
