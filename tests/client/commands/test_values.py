"""Single values that a person types."""

import pytest

from parlour_client.commands.values import read_duration, read_number
from parlour_client.kit.errors import SetupError


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.5", "\u0661", "9" * 30])
def test_what_is_not_a_number_is_a_sentence(text: str) -> None:
    """Not a crash."""
    with pytest.raises(SetupError):
        read_number(text)
    assert read_number("#12") == 12


@pytest.mark.parametrize(
    ("word", "length"),
    [("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("x", None), ("", None), ("1234567d", None)],
)
def test_lengths_of_time(word: str, length: int | None) -> None:
    """A number and a unit; a year in seconds at most."""
    assert read_duration(word) == length
