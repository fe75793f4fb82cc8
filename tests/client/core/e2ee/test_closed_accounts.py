"""What a room says of members whose accounts were deleted: who can remove them, or that no one can."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.client.core.core_fake import FakeClock
from tests.protocol.membership.people import give, name, room

from parlour_client.core.archive import Archive, closed_claims
from parlour_client.core.archive.closed_claims import ClosedClaim
from parlour_client.core.e2ee import closed_accounts
from parlour_client.core.e2ee.closed_accounts import ClosedAccounts, closed_words
from parlour_client.core.e2ee.group.report import GroupReport
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.e2ee.world import BackgroundTasks
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
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


async def test_someone_who_writes_while_their_removal_is_signed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has lied: nothing is asked of it, and what is stored says that they have written."""
    place, asked = RoomId("r" * 22), list[object]()
    roster = room(RoomKind.PRIVATE, "ada", "dan")
    monkeypatch.setattr(closed_accounts, "expected_in", lambda *_: roster)
    archive = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
    clock, tasks = FakeClock(), BackgroundTasks()

    async def removal(*_: object) -> None:
        accounts.heard(place, DAN, Seq(9))

    async def ask(frame: object) -> None:
        asked.append(frame)

    async def refresh(_room: RoomId) -> None:
        pass

    world = SimpleNamespace(
        archive=archive, clock=clock, tasks=tasks, me=ADA, follow=True, live=SimpleNamespace(ask=ask)
    )
    made: list[Any] = [
        world,
        SimpleNamespace(maybe_groups=object(), identity=SimpleNamespace(trust=lambda _: Trust.FIRST_SEEN)),
        SimpleNamespace(closed=lambda _: [DAN]),
        SimpleNamespace(removal=removal),
        SimpleNamespace(refresh=refresh),
    ]
    accounts = ClosedAccounts(*made)
    try:
        assert await accounts.remove(place) == 30
        clock.advance(31)
        assert await accounts.remove(place) is None
        assert asked == []
        assert list(accounts.contradicted()) == [DAN]
        while tasks._tasks:
            await next(iter(tasks._tasks))
        (claim,) = await archive.read(closed_claims.load)
        assert claim == ClosedClaim(place, DAN, claim.since, Seq(0), written=True)
    finally:
        await tasks.stop()
        await archive.close()
