"""Single values that a person types."""

import pytest

from parlour_client.commands.values import read_duration, read_number, read_person
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


def test_a_name_that_no_account_can_have_is_nobodys() -> None:
    """A person who names someone chooses no name, so nothing tells them to choose another one."""
    assert read_person("ben") == "ben"
    with pytest.raises(SetupError, match=r"There is no one called nobody\.") as refused:
        read_person("nobody")
    assert "hoose" not in refused.value.whole
