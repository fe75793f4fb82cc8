"""Completion of the text before the cursor."""

import pytest

from parlour_client.ui.input.completion import complete


@pytest.mark.parametrize(
    ("before", "inserted"),
    [
        ("/set ty", ["typing "]),
        ("/set TIME", ["timestamps ", "time_position "]),
        ("/set typing ", ["on", "off", "default"]),
        ("/set message_layout c", ["cosy", "compact"]),
        ("/set editor d", []),
        ("/set nope ", []),
        ("/set typing on ", []),
    ],
)
def test_settings_and_their_values_are_completed(before: str, inserted: list[str]) -> None:
    """By the beginning of a name; then by the words that this setting takes."""
    assert {one.insert for one in complete(before, ["ada"], ["lobby"]).offers} == set(inserted)
