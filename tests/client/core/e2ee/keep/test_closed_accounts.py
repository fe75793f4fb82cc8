"""What a room says of members whose accounts were deleted: who can remove them, or that no one can."""

import pytest
from tests.protocol.membership.people import give, name, room

from parlour_client.core.e2ee.group.report import GroupReport, GroupStatus
from parlour_client.core.e2ee.keep.closed_accounts import closed_words
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import Execution
from parlour_protocol.rooms import Role, RoomKind

ADA, BEN, CAT, DAN = (name(user) for user in ("ada", "ben", "cat", "dan"))


@pytest.mark.parametrize(
    ("closed", "me", "verified", "words"),
    [
        (DAN, ADA, (), "Your device removes dan in half a minute"),
        (DAN, ADA, (DAN,), "You have verified dan"),
        (DAN, BEN, (), "Your device removes dan in half a minute"),
        (DAN, CAT, (), "The device of an owner or moderator"),
        (BEN, ADA, (), "Your device removes ben in half a minute"),
        (BEN, CAT, (BEN,), "The device of an owner or moderator"),
        (ADA, BEN, (), "No one here may remove an owner"),
    ],
)
def test_a_room_says_who_can_remove_a_deleted_account(
    closed: str, me: str, verified: tuple[str, ...], words: str
) -> None:
    """By the roster's rules: those above them, and no one an owner."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cat", "dan")
    given = give(roster, "ben", Role.MODERATOR)
    roster = roster.applied(given, Execution(Millis(0), ADA, [given.device], lambda *_: True))
    report = GroupReport(GroupStatus.ACTIVE, roster=roster)
    (found,) = closed_words([name(closed)], report, name(me), [name(user) for user in verified], [], {})
    assert f"{closed}'s account was deleted" in found
    assert words in found


def test_a_room_says_that_a_deleted_account_has_written() -> None:
    """Then no one removes it by themselves."""
    report = GroupReport(GroupStatus.ACTIVE, roster=room(RoomKind.PRIVATE, "ada", "dan"))
    (found,) = closed_words([DAN], report, ADA, [], [DAN], {})
    assert "one of their devices has written since, so your device does not remove them" in found


@pytest.mark.parametrize(("hours", "words"), [(1, "within an hour"), (23, "in 23 hours")])
def test_a_room_says_when_the_limit_of_a_day_delays_a_removal(hours: int, words: str) -> None:
    """And how to do it now."""
    report = GroupReport(GroupStatus.ACTIVE, roster=room(RoomKind.PRIVATE, "ada", "dan"))
    (found,) = closed_words([DAN], report, ADA, [], [], {DAN: hours})
    assert f"removes dan {words}. To do it now: /kick dan" in found
    assert "half a minute" not in found


def test_nothing_is_said_of_someone_who_was_removed_already() -> None:
    """Nor of someone whom no member admitted, nor where this device is outside, nor in a direct room."""
    for report in (
        GroupReport(GroupStatus.ACTIVE, roster=room(RoomKind.PRIVATE, "ada")),
        GroupReport(GroupStatus.ACTIVE),
        GroupReport(GroupStatus.ACTIVE, roster=room(RoomKind.DIRECT, "ada", "dan")),
    ):
        assert not closed_words([DAN], report, ADA, [DAN], [], {})
