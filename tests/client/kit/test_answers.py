"""What counts as a yes: a letter of its own, or a whole name."""

import pytest

from parlour_client.kit.answers import Letter, TypedName


def test_no_letter_is_one_that_answers_every_question() -> None:
    """And none is a key such as Enter."""
    for key in ("y", "n", "", "K", "enter"):
        with pytest.raises(ValueError, match="letter of its own"):
            Letter(key, "kick")


def test_a_name_is_the_whole_name() -> None:
    """Blanks around it don't matter; nothing is the name of nothing."""
    garden = TypedName("garden", "delete it")
    assert garden.is_typed(" garden ")
    assert not any(garden.is_typed(line) for line in ("", "Garden", "gard", "garden!", "y"))
    assert not TypedName("", "delete it").is_typed("")
