"""When own keys are renewed: the rule with times given, and its spreading with seeded chance."""

import itertools
from dataclasses import replace
from random import Random

import pytest

from parlour_client.core.e2ee.keep.renew import (
    DAY,
    HOUR,
    MINUTE,
    MOST_UNSEEN,
    OWN_MESSAGES,
    RenewalFacts,
    delay,
    due,
    quiet,
)
from parlour_protocol.kit.ids import Millis

NOW = Millis(1_700_000_000_000)
ROOM = RenewalFacts(direct=False, devices=10, joined=NOW, renewed=NOW, sent=0, last_written=None)
DIRECT = replace(ROOM, direct=True, devices=2)


def at(milliseconds: int) -> Millis:
    """Return a moment after NOW."""
    return Millis(NOW + milliseconds)


def test_after_joining_at_once():
    """The leaf's keys are those of a key package until the first commit of one's own."""
    assert due(replace(ROOM, renewed=None), NOW)
    assert not due(ROOM, at(1))


def test_a_renewal_in_the_future_counts_for_nothing():
    """A clock that was wrong when it was noted must not put the next one off for years."""
    assert not due(replace(ROOM, renewed=at(HOUR)), NOW)
    assert due(replace(ROOM, renewed=at(HOUR + 1)), NOW)


def test_alone_never():
    """A group of one has no one to heal towards."""
    assert not due(replace(ROOM, devices=1, renewed=None, sent=OWN_MESSAGES), NOW)


def test_after_many_messages_of_ones_own():
    """At 200 and not at 199."""
    assert not due(replace(ROOM, sent=OWN_MESSAGES - 1), NOW)
    assert due(replace(ROOM, sent=OWN_MESSAGES), NOW)


def test_after_a_day_with_activity():
    """A day without a word changes nothing: nothing was said that could be read."""
    assert not due(ROOM, at(DAY))
    assert due(replace(ROOM, last_written=at(5)), at(DAY))
    assert not due(replace(ROOM, last_written=at(5)), at(DAY - 1))


def test_after_a_long_sleep():
    """Anyone who copied the sleeping machine is shut out when it wakes, once."""
    assert due(replace(ROOM, slept=at(1)), at(2))
    assert not due(replace(ROOM, slept=NOW, renewed=at(1)), at(2))


@pytest.mark.parametrize(("waited", "wanted"), [(MINUTE - 1, False), (MINUTE, True)])
def test_a_direct_room_heals_when_the_talk_turns(waited: int, wanted: bool):  # noqa: FBT001 - a parameter
    """At most once a minute, and only on a turn."""
    assert due(replace(DIRECT, turned=True), at(waited)) is wanted
    assert not due(DIRECT, at(waited))
    assert not due(replace(ROOM, turned=True), at(waited))


def test_a_mass_add_is_spread_over_the_room():
    """Two hundred devices come one after the other; a turn in a direct room does not wait."""
    chance = Random(7)  # noqa: S311 - chance that repeats itself
    waits = sorted(delay(replace(ROOM, devices=200, renewed=None), chance) for _ in range(200))
    assert waits[0] < 5
    assert waits[-1] > 100
    assert max(after - before for before, after in itertools.pairwise(waits)) < 5
    assert delay(replace(DIRECT, turned=True), chance) == 0


@pytest.mark.parametrize("sent", [0, 1, OWN_MESSAGES - MOST_UNSEEN, OWN_MESSAGES - 2, OWN_MESSAGES - 1])
@pytest.mark.parametrize("after", [0, MINUTE, DAY - 1])
@pytest.mark.parametrize("direct", [False, True])
def test_what_is_quiet_is_not_due(sent: int, after: int, direct: bool):  # noqa: FBT001 - a parameter
    """As long as it is said to last, with every message said now and for someone who is alone."""
    facts = replace(DIRECT if direct else ROOM, sent=sent, last_written=at(after))
    left, until = quiet(facts, at(after))
    assert 0 <= left <= MOST_UNSEEN
    last = Millis(until - 1)
    assert not due(replace(facts, sent=sent + left, last_written=last), last)


def test_nothing_is_quiet_that_is_due_or_was_never_renewed():
    """Else a renewal would be put off."""
    for facts, when in (
        (replace(ROOM, renewed=None), NOW),
        (replace(ROOM, renewed=None, devices=1), NOW),
        (replace(ROOM, sent=OWN_MESSAGES), NOW),
        (replace(ROOM, last_written=at(5)), at(DAY)),
        (replace(ROOM, slept=at(1)), at(2)),
    ):
        left, until = quiet(facts, when)
        assert left == 0
        assert until <= when
    assert quiet(ROOM, at(DAY + 1))[1] <= at(DAY + 1)
