"""How prices move."""

from random import Random

import pytest

from ticker.rules import HIGHEST, STEP, moved


@pytest.mark.parametrize("cents", [1, 10_000, HIGHEST])
def test_a_price_takes_small_steps_and_stays_in_bounds(cents: int) -> None:
    """Whatever chance says."""
    for seed in range(200):
        price = moved(cents, Random(seed))
        assert abs(price - cents) <= STEP
        assert 1 <= price <= HIGHEST


def test_a_price_moves() -> None:
    """Up and down."""
    steps = {moved(10_000, Random(seed)) - 10_000 for seed in range(50)}
    assert min(steps) < 0 < max(steps)
