"""The rules of a room's MLS group: who may create it, which commit wins an epoch, who may contest it.

The server cannot read a commit, but it enforces that the epoch is a compare-and-set, that devices enter and
leave only with the room's members, and that the sender is in the group. Every client checks the contents of a
commit.
"""

from typing import assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Contested, EncryptionOn, GroupCreated, Handshake
from parlour_protocol.ids import GroupId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.limits import GROUP_DEVICES
from parlour_protocol.rooms import Role
from parlour_server.chat.permissions import RANK
from parlour_server.chat.store.types import AppendEvent, GroupFacts, Membership, RoomFacts
from parlour_server.core.errors import RefusedError


def decide_group(
    event: AppendEvent,
    facts: RoomFacts,
    body: EncryptionOn | GroupCreated | Handshake | Contested,
    author: Membership,
) -> None:
    """Check an event that changes the room's group. Raises RefusedError."""
    match body:
        case EncryptionOn():
            decide_encryption(facts)
        case GroupCreated():
            decide_creation(event, facts, body, author)
        case Handshake():
            decide_handshake(event, facts, body)
        case Contested():
            decide_contest(event, facts, body)
        case _:
            assert_never(body)


def decide_encryption(facts: RoomFacts) -> None:
    """Allow turning encryption on once; it can't be turned off."""
    if facts.encrypted:
        raise RefusedError(ErrorCode.ALREADY, "the room is already encrypted")


def decide_creation(event: AppendEvent, facts: RoomFacts, body: GroupCreated, author: Membership) -> None:
    """Allow a certified device to create the first group, or to replace a group that cannot go on."""
    if event.sender is None or event.sender != body.device or not facts.sender_active:
        raise RefusedError(ErrorCode.FORBIDDEN, "this session has no approved device")
    group = facts.group
    # The first group wins, as the first commit of an epoch does.
    if (group and group.id) != body.replaces:
        raise RefusedError(ErrorCode.STALE_EPOCH, "the room has a new group: get its state")
    if group is not None and not (group.contested or group.abandoned):
        raise RefusedError(ErrorCode.STALE_EPOCH, "the room's group works: no one contested it")
    # Any member: the next group has the same people, or its members refuse it.
    outranks = RANK[author.role] > RANK[Role.MEMBER]
    no_one_else = group is None or group.abandoned or group.only_authors
    if not (no_one_else or outranks or (group and group.sender_present)):
        raise RefusedError(ErrorCode.FORBIDDEN, "your device is not in the room's group")
    if facts.group_used:
        raise RefusedError(ErrorCode.CONFLICT, "this group id was used before")


def decide_handshake(event: AppendEvent, facts: RoomFacts, body: Handshake) -> None:
    """Accept the first commit of an epoch, with no other members than the room's."""
    group = check_group(facts, body.group)
    if body.epoch != group.epoch:
        raise RefusedError(ErrorCode.STALE_EPOCH, "another commit came first: apply it, then try again")
    _check_present(group)
    added, removed = _distinct(body.added), _distinct(body.removed)
    if not _distinct(body.unusable) <= removed:
        raise RefusedError(ErrorCode.MALFORMED, "a device with an unusable key must be removed")
    # A device of no member (a ghost), or an unjustified removal (RFC 9750 section 5.3). Usually the members
    # changed while the commit was created. The server can't see whether a key is unusable: the members check
    # it, and contest the commit if it is not.
    if added != group.addable or removed != group.removable:
        raise RefusedError(
            ErrorCode.STALE_EPOCH, "the devices to add or remove have changed: get the group's state"
        )
    if bool(added) is (event.attached is None):
        raise RefusedError(
            ErrorCode.MALFORMED, "a Welcome and a tree are needed when devices are added, and only then"
        )
    if group.devices + len(added) - len(removed) > GROUP_DEVICES.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "too many devices for an encrypted room")


def decide_contest(event: AppendEvent, facts: RoomFacts, body: Contested) -> None:
    """Allow a device that is or belongs in the group to contest it, once for its account.

    Otherwise no one could contest a commit that removed everyone as unusable.
    """
    group = check_group(facts, body.group)
    if body.epoch > group.epoch:
        raise RefusedError(ErrorCode.STALE_EPOCH, "no commit led to this epoch")
    if event.sender not in group.addable:
        _check_present(group)
    if group.contested_by_author:
        raise RefusedError(ErrorCode.ALREADY, "you already contested this group")


def check_group(facts: RoomFacts, group: GroupId) -> GroupFacts:
    """Return the current group, if it has this id."""
    if facts.group is None or facts.group.id != group:
        raise RefusedError(ErrorCode.STALE_EPOCH, "the room has another group, or none: get its state")
    return facts.group


def _check_present(group: GroupFacts) -> None:
    if not group.sender_present:
        raise RefusedError(ErrorCode.FORBIDDEN, "your device is not in the room's group")


def _distinct(devices: tuple[DeviceId, ...]) -> frozenset[DeviceId]:
    found = frozenset(devices)
    if len(found) != len(devices):
        raise RefusedError(ErrorCode.MALFORMED, "a device is named twice")
    return found
