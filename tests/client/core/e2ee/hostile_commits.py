"""Commits that break rules, as a hostile member and server make them, and what must come of them."""

import msgspec
from tests.client.core.e2ee.group_world import (
    Device,
    Log,
)

from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.e2ee.group.store import GroupStatus, ToContest
from parlour_client.core.e2ee.identity.keys import KNOWN
from parlour_client.core.model import NoteKind
from parlour_mls import (
    CommitOptions,
    LeafChange,
    Policy,
)
from parlour_protocol.frames.bodies import Handshake
from parlour_protocol.frames.opaque import HandshakeBytes
from parlour_protocol.ids import Epoch, GroupId


def note_of(item: Received) -> NoteKind | None:
    """Return the kind of a row's note."""
    return None if item.note is None else item.note.kind


def handshake(log: Log, device: Device, data: bytes, **more: object) -> Handshake:
    """Append a commit as a hostile member and server have it."""
    assert log.group is not None
    body = Handshake(group=log.group, epoch=Epoch(log.epoch), data=HandshakeBytes(data))
    body = msgspec.structs.replace(body, **more)
    log.add(device.user, body)
    return body


def lawless(device: Device, log: Log) -> "Device":
    """Return the device with an engine that keeps none of Parlour's rules."""
    held = device.groups.stored(device.connection, log.room)
    held.group.policy = Policy(extensions=KNOWN, validate_successor=lambda _old, _new: None)
    device.group = held.group  # type: ignore[attr-defined]
    return device


def commit_of(
    device: Device, log: Log, *proposals: object, leaf: LeafChange | None = None, evidence: bytes = b""
) -> bytes:
    """Return a commit that breaks rules."""
    group = lawless(device, log).group  # type: ignore[attr-defined]
    options = CommitOptions(authenticated_data=evidence)
    if leaf is not None:
        options = CommitOptions(leaf=leaf, authenticated_data=evidence)
    message: bytes = group.commit(proposals, now=log.now // 1_000, options=options).message
    return message


def refused(device: Device, log: Log) -> Received:
    """Require that the newest commit is refused and to be contested, the group being as it was."""
    before = device.state(log)
    receipt = device.receive(log.events[device.cursor(log) :])
    assert device.state(log)[0][0] == before[0][0]  # type: ignore[index]
    assert receipt.contest == ToContest(log.room, log.group or GroupId(""), Epoch(log.epoch + 1))
    assert device.status(log).status is GroupStatus.REFUSED
    item = receipt.items[-1]
    assert note_of(item) is NoteKind.CONTESTED
    assert item.row
    assert item.trouble
    return item
