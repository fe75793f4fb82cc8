"""What is judged before anything is encrypted: the group as it stands, and what the server told of a room."""

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.group_world import Device

from parlour_client.core.e2ee.errors import BlockedError, NotReadyError
from parlour_client.core.e2ee.group.report import GroupReport
from parlour_client.core.e2ee.group.store import GroupStatus, MemberReport
from parlour_client.core.e2ee.identity.keys import read_certificate
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.labels import RoomLabels
from parlour_client.core.e2ee.messages.outgoing import Recipients
from parlour_client.core.e2ee.values import RoomState, Trust
from parlour_client.core.errors import EncryptionError
from parlour_protocol.delivery import DeviceStatus, GroupDevice, GroupState
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import DeviceId, Incarnation, Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.rooms import Role, RoomKind

ANA, BEN, EVE = (parse_user_name(name) for name in ("ana", "ben", "eve"))
ROOM = RoomId("r" * 22)


def calm(_: UserName) -> Trust:
    """Know everyone."""
    return Trust.FIRST_SEEN


async def no_one(_: RoomId) -> None:
    """Remove no one."""


def world() -> Any:
    """Return what a scheduler uses of the client."""
    return SimpleNamespace(clock=FakeClock(), chance=Random(1), encrypted={ROOM})  # noqa: S311 - spreads alone


def report(*members: UserName, kind: RoomKind = RoomKind.DIRECT, epoch: int = 7) -> GroupReport:
    """Return a group of these people."""
    devices = [Device(user) for user in members]
    entries = [
        MemberReport(one.user, one.id, read_certificate(one.certificate), one.certificate) for one in devices
    ]
    return GroupReport(GroupStatus.ACTIVE, epoch=Epoch(epoch), members=entries, kind=kind)


def recipients(
    *, peer: UserName | None = BEN, leaves_in: int | None = None, problem: EncryptionError | None = None
) -> Recipients:
    """Return what Ana knows of her room with someone."""
    kind = RoomKind.DIRECT if peer is not None else RoomKind.PRIVATE
    summary = RoomSummary(
        room=ROOM, kind=kind, role=Role.MEMBER, head=Seq(1), read=Seq(0), members=2, peer=peer, encrypted=True
    )
    return Recipients(Device(ANA).own, summary, None if leaves_in is None else Epoch(leaves_in), problem)


def test_a_room_in_order_takes_messages() -> None:
    """Nothing is raised."""
    recipients().require(report(ANA, BEN), calm)
    recipients(peer=None).require(report(ANA, EVE, kind=RoomKind.PRIVATE), calm)


@pytest.mark.parametrize(("leaves_in", "raises"), [(7, True), (6, False), (None, False)])
def test_who_must_leave_the_group_of_this_epoch_encrypts_nothing(leaves_in: int | None, raises: bool) -> None:  # noqa: FBT001 - a parameter
    """It is told as the server's word: what someone has signed removes the keys here."""
    if raises:
        with pytest.raises(NotReadyError, match="No one has signed that"):
            recipients(leaves_in=leaves_in).require(report(ANA, BEN), calm)
    else:
        recipients(leaves_in=leaves_in).require(report(ANA, BEN), calm)


def test_no_one_writes_into_a_room_that_was_left() -> None:
    """The server tells nothing of it any more."""
    with pytest.raises(EncryptionError, match="no longer in this room"):
        Recipients(Device(ANA).own, None, None, None).require(report(ANA, BEN), calm)


@pytest.mark.parametrize("status", [GroupStatus.NO_GROUP, GroupStatus.OUTSIDE])
def test_outside_of_the_group_the_reason_is_shown(status: GroupStatus) -> None:
    """Why the room could not be settled, where that is known."""
    with pytest.raises(NotReadyError, match="Waiting for a member's device"):
        recipients().require(GroupReport(status), calm)
    with pytest.raises(EncryptionError, match="no key packages"):
        recipients(problem=EncryptionError("no key packages")).require(GroupReport(status), calm)


def test_a_direct_room_with_someone_else_is_blocked() -> None:
    """And so is a group room that is called a direct one."""
    for wrong in (report(ANA, EVE), report(ANA, BEN, EVE, kind=RoomKind.PRIVATE)):
        with pytest.raises(BlockedError):
            recipients().require(wrong, calm)


def test_nothing_is_sent_to_a_deleted_account() -> None:
    """A direct room says so; in a group room the others still read it."""
    with pytest.raises(EncryptionError, match="ben's account was deleted"):
        replace(recipients(), closed=[BEN]).require(report(ANA, BEN), calm)
    replace(recipients(peer=None), closed=[BEN]).require(report(ANA, BEN, kind=RoomKind.PRIVATE), calm)


def test_a_person_without_a_device_is_waited_for() -> None:
    """No one could read it."""
    with pytest.raises(NotReadyError, match="ben has no device"):
        recipients().require(report(ANA), calm)


def test_a_person_without_a_device_whose_key_changed_is_decided_about() -> None:
    """A reset revokes their devices: what is in the way is the new key, in the refusal and above the room."""
    with pytest.raises(BlockedError, match="ben has another account key"):
        recipients().require(report(ANA), lambda _: Trust.CHANGED)
    people = SimpleNamespace(
        trust=lambda user: Trust.CHANGED if user == BEN else Trust.VERIFIED,
        own=lambda: SimpleNamespace(status=DeviceStatus.ACTIVE),
    )
    around = SimpleNamespace(me=ANA, state=SimpleNamespace(summary=lambda _: recipients().summary))
    keys = SimpleNamespace(trouble=None, identity=people)
    scheduler = SimpleNamespace(closed=lambda _: ())
    made: list[Any] = [around, keys, None, scheduler, None]
    state, words = RoomLabels(*made).state(ROOM, report(ANA))
    assert state is RoomState.BLOCKED
    assert words.startswith("ben has new keys: compare them")


async def test_a_program_that_ends_does_at_once_what_was_planned_for_its_keys() -> None:
    """A renewal is not left to a next program, which would plan it in vain as well; each is made once."""
    renewed: list[RoomId] = []

    async def renew(room: RoomId) -> None:
        renewed.append(room)
        scheduler.renew(room, 30)  # the group is not seen renewed yet

    async def consider(room: RoomId) -> None:
        scheduler.renew(room, 30)

    reconciler = cast("Any", SimpleNamespace(renew=renew, left_out={}, caught_up=no_one))
    scheduler = Scheduler(world(), reconciler, lambda _: None, no_one)
    scheduler.start([])
    scheduler.later(ROOM, consider)
    await scheduler.finish()
    await scheduler.stop()
    assert renewed == [ROOM]


def test_the_scheduler_knows_the_epoch_in_which_a_device_must_leave() -> None:
    """As the server said when it was last asked, of this device alone."""
    mine, other = Device(ANA), Device(BEN)
    leaving = (GroupDevice(device=mine.id, user=ANA),)
    reconciler = cast(
        "Any",
        type(
            "Reconciler", (), {"seen": {ROOM: GroupState(Epoch(7), Incarnation("i" * 22), leaving=leaving)}}
        ),
    )
    scheduler = Scheduler(world(), reconciler, lambda _: None, no_one)
    assert scheduler.leaves_in(ROOM, mine.id) == 7
    assert scheduler.leaves_in(ROOM, other.id) is None
    assert scheduler.leaves_in(RoomId("s" * 22), DeviceId(mine.id)) is None
