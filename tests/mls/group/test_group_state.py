"""What is kept of a group: states of earlier versions are still read."""

import json

from tests.mls import vectors

from parlour_mls import Group

KEPT = json.loads((vectors.OWN / "kept-with-intents.json").read_text("utf-8"))


def test_a_staged_commit_with_what_it_was_meant_for() -> None:
    """Earlier versions noted what to try again should it lose its race; the commit itself is kept."""
    group = Group.restore(bytes.fromhex(KEPT["staged"]))
    group.merge_pending_commit()
    assert group.epoch == 1
    assert group.epoch_authenticator.hex() == KEPT["authenticator"]


def test_a_lost_commit_that_was_to_be_tried_again() -> None:
    """The note is dropped with the next state that is written; the group goes on."""
    group = Group.restore(bytes.fromhex(KEPT["refused"]))
    again = Group.restore(group.serialise())
    assert again.serialise() == group.serialise()
    assert len(group.serialise()) < len(KEPT["refused"]) // 2
    assert again.commit(now=1_790_000_000).epoch.context.epoch == 1
