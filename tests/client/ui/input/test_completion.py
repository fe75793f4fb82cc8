"""Completion of the text before the cursor."""

import pytest

from parlour_client.extras import register_all
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
    assert {one.insert for one in complete(before, {"ada": ""}, ["lobby"]).offers} == set(inserted)


@pytest.mark.parametrize(
    ("before", "inserted"),
    [
        ("/kick ", ["ada ", "zoe ", "cora "]),
        ("/dm c", ["cora "]),
        ("/dm @c", ["cora "]),
        ("/verify C", ["cora "]),
        ("/dm cora see @c", []),
        ("hello @z", ["@zoe "]),
        ("/join g", ["garden "]),
        ("/join #g", ["garden "]),
        ("/join *g", ["garden "]),
        ("/join @", ["@ben "]),
        ("/favourite b", ["@ben "]),
        ("/number 3 l", ["lobby "]),
        ("/split ", ["@ben ", "garden ", "lobby "]),
        ("/accept ", ["@cora ", "cellar "]),
        ("/decline *c", ["@cora ", "cellar "]),
        ("see #", ["#garden ", "#lobby "]),
        ("see *g", []),
        ("/search tea from:c", ["cora "]),
        ("/search in:g", ["garden "]),
        ("/search c", []),
    ],
)
def test_rooms_and_people_are_completed_wherever_a_command_takes_one(
    before: str, inserted: list[str]
) -> None:
    """With the mark of a list or without; a message mentions members, a command anyone who is known."""
    register_all()
    found = complete(
        before,
        {"ada": "online", "zoe": "away"},
        ["lobby", "garden", "@ben"],
        known={"ada", "zoe", "cora"},
        invitations=["cellar", "@cora"],
    )
    assert [one.insert for one in found.offers] == inserted


def test_people_come_with_what_there_is_to_say_of_them() -> None:
    """In one column: whether they are there, and who is not verified; nothing of those outside."""
    about = {"ada": "online", "mallory": "offline, not verified"}
    shown = [one.display.plain for one in complete("/dm ", about, (), known={"cora"}).offers]
    assert shown == ["@ada       online", "@mallory   offline, not verified", "@cora"]
