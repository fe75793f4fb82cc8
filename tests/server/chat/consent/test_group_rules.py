"""The rules of MLS groups: every refusal of founding, commits, contests and sealed messages."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.server.chat.rooms.test_rights import (
    ADA,
    BOB,
    FOR_GOOD,
    GROUP,
    GROUP_FACTS,
    HANDSHAKE,
    NOW,
    OTHER,
    PHONE,
    event,
    facts,
)

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Contested, EncryptedMessage, EncryptionOn, GroupCreated
from parlour_protocol.frames.opaque import Ciphertext, TreeBytes, WelcomeBytes
from parlour_protocol.ids import Epoch
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.limits import GROUP_DEVICES
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.types import AppendEvent, Attached, Membership, RoomFacts, Target
from parlour_server.core.errors import RefusedError

TABLET, LAPTOP = DeviceId("b" * 26), DeviceId("c" * 26)
SEALED = EncryptedMessage(group=GROUP, epoch=Epoch(3), data=Ciphertext(b"x"))
BLANKS = EncryptedMessage(group=GROUP, epoch=Epoch(3), data=Ciphertext(b"x"), blanks=Seq(5))
ATTACHED = Attached(WelcomeBytes(b"w"), TreeBytes(b"t"))


def known(role: Role = Role.OWNER, /, *, group: dict[str, Any] | None = None, **more: Any) -> RoomFacts:
    """Return facts of an encrypted room whose group stands at epoch 3."""
    fields = {"encrypted": True, "sender_active": True, "group": replace(GROUP_FACTS, **(group or {}))}
    return facts(role, **{**fields, **more})


def outcome(body: AnyBody, of: RoomFacts, **of_event: Any) -> str | None:
    """Return why it is refused, or None."""
    made: AppendEvent = replace(event(body), **of_event)
    try:
        decide(made, of)
    except RefusedError as error:
        refusal = error
    else:
        return None
    assert refusal.hint.isascii()
    assert len(refusal.hint) <= 256
    return refusal.code


def handshake(**more: Any) -> AnyBody:
    """Return a commit with other fields."""
    fields = {field: getattr(HANDSHAKE, field) for field in HANDSHAKE.__struct_fields__}
    return type(HANDSHAKE)(**{**fields, **more})


def test_encryption_is_switched_on_once():
    """It cannot be turned off, or on a second time."""
    assert outcome(EncryptionOn(), facts(Role.OWNER)) is None
    assert outcome(EncryptionOn(), facts(Role.OWNER, encrypted=True)) is ErrorCode.ALREADY


@pytest.mark.parametrize(
    ("more", "of_event", "expected"),
    [
        ({}, {}, None),
        ({"encrypted": False}, {}, ErrorCode.FORBIDDEN),
        ({"sender_active": False}, {}, ErrorCode.FORBIDDEN),
        ({}, {"sender": None}, ErrorCode.FORBIDDEN),
        ({}, {"sender": TABLET}, ErrorCode.FORBIDDEN),
        ({"group": GROUP_FACTS}, {}, ErrorCode.STALE_EPOCH),
        ({"group_used": True}, {}, ErrorCode.CONFLICT),
    ],
)
def test_founding(more: dict[str, Any], of_event: dict[str, Any], expected: ErrorCode | None):
    """By the device that it names, where there is no group, with an id that no group had."""
    body = GroupCreated(group=OTHER, device=PHONE)
    assert outcome(body, _without_group(more), **of_event) is expected


def _without_group(more: dict[str, Any]) -> RoomFacts:
    return facts(Role.OWNER, **{"encrypted": True, "sender_active": True, **more})


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({}, ErrorCode.STALE_EPOCH),
        ({"contested": True}, None),
        ({"abandoned": True}, None),
        ({"contested": True, "id": OTHER}, ErrorCode.STALE_EPOCH),
    ],
)
def test_replacing_a_group(group: dict[str, Any], expected: ErrorCode | None):
    """Only in the place of the group in force, and only when that one cannot go on."""
    body = GroupCreated(group=OTHER, device=PHONE, replaces=GROUP)
    assert outcome(body, known(Role.MODERATOR, group=group)) is expected


def test_replacing_a_missing_group():
    """The asker knows of a group that is not there."""
    body = GroupCreated(group=OTHER, device=PHONE, replaces=GROUP)
    assert outcome(body, _without_group({})) is ErrorCode.STALE_EPOCH


@pytest.mark.parametrize(
    ("body", "group", "expected"),
    [
        ({}, {}, None),
        ({"epoch": Epoch(2)}, {}, ErrorCode.STALE_EPOCH),
        ({"epoch": Epoch(4)}, {}, ErrorCode.STALE_EPOCH),
        ({"group": OTHER}, {}, ErrorCode.STALE_EPOCH),
        ({}, {"sender_present": False}, ErrorCode.FORBIDDEN),
        ({}, {"removal_pending": True}, None),
        ({}, {"contested": True}, None),
        ({"removed": (TABLET,)}, {"removable": frozenset({TABLET})}, None),
        ({"removed": (TABLET,)}, {}, ErrorCode.STALE_EPOCH),
        ({"removed": (TABLET, TABLET)}, {"removable": frozenset({TABLET})}, ErrorCode.MALFORMED),
        ({"removed": (TABLET, LAPTOP)}, {"removable": frozenset({TABLET})}, ErrorCode.STALE_EPOCH),
        ({"unusable": (TABLET,)}, {}, ErrorCode.MALFORMED),
        (
            {"removed": (TABLET,), "unusable": (LAPTOP,)},
            {"removable": frozenset({TABLET})},
            ErrorCode.MALFORMED,
        ),
    ],
)
def test_commits(body: dict[str, Any], group: dict[str, Any], expected: ErrorCode | None):
    """For the epoch in force, by a device of the group, removing whom the room no longer has."""
    assert outcome(handshake(**body), known(Role.MEMBER, group=group)) is expected


@pytest.mark.parametrize(
    ("added", "group", "with_welcome", "expected"),
    [
        ((TABLET,), {"addable": frozenset({TABLET})}, True, None),
        ((TABLET,), {"addable": frozenset({TABLET})}, False, ErrorCode.MALFORMED),
        ((), {}, True, ErrorCode.MALFORMED),
        ((TABLET,), {}, True, ErrorCode.STALE_EPOCH),
        ((TABLET, LAPTOP), {"addable": frozenset({TABLET})}, True, ErrorCode.STALE_EPOCH),
        ((TABLET, TABLET), {"addable": frozenset({TABLET})}, True, ErrorCode.MALFORMED),
        (
            (TABLET,),
            {"addable": frozenset({TABLET}), "devices": GROUP_DEVICES.value - 1},
            True,
            None,
        ),
        (
            (TABLET,),
            {"addable": frozenset({TABLET}), "devices": GROUP_DEVICES.value},
            True,
            ErrorCode.LIMIT_REACHED,
        ),
    ],
)
def test_commits_that_add(
    added: tuple[DeviceId, ...],
    group: dict[str, Any],
    with_welcome: bool,  # noqa: FBT001 - a table
    expected: ErrorCode | None,
):
    """Whom the room's members stand behind, with a Welcome, up to the limit."""
    attached = ATTACHED if with_welcome else None
    assert outcome(handshake(added=added), known(group=group), attached=attached) is expected


def test_a_full_group_takes_one_for_one():
    """What is removed makes room in the same commit."""
    full = {
        "addable": frozenset({TABLET}),
        "removable": frozenset({LAPTOP}),
        "devices": GROUP_DEVICES.value,
    }
    body = handshake(added=(TABLET,), removed=(LAPTOP,))
    assert outcome(body, known(group=full), attached=ATTACHED) is None


@pytest.mark.parametrize(
    ("epoch", "group", "expected"),
    [
        (3, {}, None),
        (1, {}, None),
        (0, {}, None),
        (4, {}, ErrorCode.STALE_EPOCH),
        (3, {"id": OTHER}, ErrorCode.STALE_EPOCH),
        (3, {"sender_present": False}, ErrorCode.FORBIDDEN),
        (3, {"sender_present": False, "addable": frozenset({PHONE})}, None),
        (3, {"sender_present": False, "addable": frozenset({TABLET})}, ErrorCode.FORBIDDEN),
        (3, {"contested_by_author": True}, ErrorCode.ALREADY),
        (3, {"contested": True}, None),
    ],
)
def test_contests(epoch: int, group: dict[str, Any], expected: ErrorCode | None):
    """Of an epoch that the group was in, by a device that is or belongs in it, once for an account."""
    assert outcome(Contested(group=GROUP, epoch=Epoch(epoch)), known(Role.MEMBER, group=group)) is expected


@pytest.mark.parametrize(
    ("epoch", "group", "expected"),
    [
        (3, {}, None),
        (3, {"contested": True}, None),
        (2, {}, ErrorCode.STALE_EPOCH),
        (2, {"stale_until": Millis(NOW + 1)}, None),
        (2, {"stale_until": NOW}, ErrorCode.STALE_EPOCH),
        (1, {"stale_until": Millis(NOW + 1)}, ErrorCode.STALE_EPOCH),
        (4, {"stale_until": Millis(NOW + 1)}, ErrorCode.STALE_EPOCH),
        (3, {"id": OTHER}, ErrorCode.STALE_EPOCH),
        (3, {"sender_present": False}, ErrorCode.FORBIDDEN),
        (3, {"removal_pending": True}, ErrorCode.REMOVAL_PENDING),
        (2, {"removal_pending": True, "stale_until": Millis(NOW + 1)}, ErrorCode.REMOVAL_PENDING),
    ],
)
def test_sealed_messages(epoch: int, group: dict[str, Any], expected: ErrorCode | None):
    """For this epoch or for a while the one before, from a device of the group, when no one must leave it."""
    body = EncryptedMessage(group=GROUP, epoch=Epoch(epoch), data=Ciphertext(b"x"))
    assert outcome(body, known(Role.MEMBER, group=group)) is expected


def test_sealed_messages_need_an_encrypted_room_with_a_group():
    """And a member who is not muted; a stranger of a hidden room learns nothing."""
    assert outcome(SEALED, facts(Role.OWNER, group=GROUP_FACTS)) is ErrorCode.FORBIDDEN
    assert outcome(SEALED, _without_group({})) is ErrorCode.STALE_EPOCH
    muted = replace(known(), author=Membership(ADA, Role.MEMBER, FOR_GOOD))
    assert outcome(SEALED, muted) is ErrorCode.MUTED
    assert outcome(SEALED, replace(known(), author=None, kind=RoomKind.PRIVATE)) is ErrorCode.NOT_FOUND
    assert outcome(SEALED, replace(known(), author=None)) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("role", "target", "expected"),
    [
        (Role.MEMBER, Target(Seq(5), ADA, "sealed"), None),
        (Role.MEMBER, Target(Seq(5), BOB, "sealed"), ErrorCode.FORBIDDEN),
        (Role.MODERATOR, Target(Seq(5), BOB, "sealed"), None),
        (Role.OWNER, Target(Seq(5), ADA, "blank"), ErrorCode.ALREADY),
        (Role.OWNER, Target(Seq(5), ADA, "sealed", deletes=True), ErrorCode.NOT_FOUND),
        (Role.OWNER, Target(Seq(5), ADA, "message"), ErrorCode.NOT_FOUND),
        (Role.OWNER, Target(Seq(5), ADA, "handshake"), ErrorCode.NOT_FOUND),
        (Role.OWNER, None, ErrorCode.NOT_FOUND),
    ],
)
def test_deleting_sealed_messages(role: Role, target: Target | None, expected: ErrorCode | None):
    """One's own, or as a moderator anyone's; never a commit, which others need to follow."""
    assert outcome(BLANKS, known(role, target=target)) is expected


def test_in_a_direct_room_no_one_deletes_the_others_messages():
    """As it is with readable messages."""
    theirs = known(Role.OWNER, kind=RoomKind.DIRECT, target=Target(Seq(5), BOB, "sealed"))
    assert outcome(BLANKS, theirs) is ErrorCode.FORBIDDEN
