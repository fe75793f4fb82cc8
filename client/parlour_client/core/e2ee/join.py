"""Joining a room's group by a Welcome that waits for this device.

``open_welcome`` does the work and touches nothing (it may run on any thread: 500 members take over 100 ms);
``enter`` writes the group, spends the key package and moves the room's cursor past the commit, in one durable
transaction. A Welcome for another room, for a group we are in, or of a time when we were in it changes
nothing: the last would start our ratchet anew, and use keys twice.
"""

from dataclasses import dataclass
from typing import Protocol

import apsw

from parlour_client.core.e2ee.batch import Own, People, concerns_about, stripped, with_body
from parlour_client.core.e2ee.groups import (
    Held,
    Shelf,
    highest_epoch,
    load_room,
    pin_suite,
    pinned_suite,
    require_durable,
    save_room,
)
from parlour_client.core.e2ee.ids import group_bytes
from parlour_client.core.e2ee.link_table import Links
from parlour_client.core.e2ee.refusals import JoinRefusedError, RuleBrokenError
from parlour_client.core.e2ee.results import Concern, Received
from parlour_client.core.e2ee.rules import (
    Binding,
    Judge,
    binding_of,
    certificate_bytes,
    certificate_of,
    require_two,
)
from parlour_client.core.e2ee.tree_seal import open_tree
from parlour_client.core.model import Note, NoteKind
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.base import RoomKind, RoomSuite
from parlour_protocol.frames.bodies import Handshake
from parlour_protocol.ids import Millis
from parlour_protocol.mls import Extension, Group, KeyPackageStore, MlsError


class Packages(Protocol):
    """Where this device's key packages lie."""

    def load(self, connection: apsw.Connection) -> KeyPackageStore:
        """Return them."""
        ...

    def save(self, connection: apsw.Connection, store: KeyPackageStore) -> None:
        """Write what is left."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A Welcome that was opened and checked, and is not in force yet."""

    group: Group
    judge: Judge
    spent: frozenset[bytes]
    """References of the key packages that it used up."""


def open_welcome(
    own: Own, kind: RoomKind, store: KeyPackageStore, waiting: WaitingWelcome, event: LogEvent
) -> Opened:
    """Open a Welcome and check where it leads; uses up ``store``. Raises JoinRefusedError."""
    body = event.body
    if not isinstance(body, Handshake) or (waiting.room, waiting.group, waiting.seq) != (
        event.room,
        body.group,
        event.seq,
    ):
        raise JoinRefusedError("The Welcome is not the one of the commit that adds this device.")
    judge, group_id = Judge(own.server), group_bytes(body.group)

    def tree(info: tuple[Extension, ...]) -> bytes:
        return open_tree(waiting.tree, info, group_id, body.epoch + 1)

    before = {package.ref for package in store}
    try:
        group = Group.join(waiting.welcome, store, ratchet_tree=tree, policy=judge.policy())
        _check(group, own, Binding(own.server, event.room, kind), body, group_id)
    except MlsError as error:
        raise JoinRefusedError(f"The Welcome was refused: {error}.") from error
    return Opened(group, judge, frozenset(before - {package.ref for package in store}))


def _check(group: Group, own: Own, wanted: Binding, body: Handshake, group_id: bytes) -> None:
    """Require the room's own group, in the epoch of the commit, with the devices that it declared."""
    if group.group_id != group_id or group.epoch != body.epoch + 1:
        raise RuleBrokenError("it leads into another group or epoch")
    if binding_of(group.context.extensions) != wanted:
        raise RuleBrokenError("its group is for another room or server")
    require_two(wanted.kind, (leaf for _, leaf in group.tree.members()))
    devices = {certificate_of(leaf).device for _, leaf in group.tree.members()}
    if not set(body.added) <= devices or devices & set(body.removed) or own.device not in devices:
        raise RuleBrokenError("its group has other members than the commit declares")


def enter(
    connection: apsw.Connection,
    shelf: Shelf,
    people: People,
    packages: Packages,
    opened: Opened,
    event: LogEvent,
    now: Millis,
) -> tuple[Received, list[Concern]]:
    """Put an opened Welcome in force. Raises JoinRefusedError, NotDurableError."""
    require_durable(connection)
    body, row = event.body, load_room(connection, event.room)
    if not isinstance(body, Handshake) or row is None or row.cursor != event.seq - 1:
        raise JoinRefusedError("The room has gone on meanwhile.")
    if row.group not in {None, body.group} or shelf.load(connection, body.group) is not None:
        raise JoinRefusedError("This device is in the room's group already.")
    if opened.group.epoch <= highest_epoch(connection, body.group):
        raise JoinRefusedError("The Welcome is an old one: this device was in that group at that time.")
    _require_suite(connection, opened.group, event)
    _spend(connection, packages, opened)
    group = Held(body.group, event.room, "active", b"", opened.group, opened.judge, event.at)
    shelf.insert(connection, group)
    links = Links(connection, event.room)
    links.begins(event.seq)
    links.enters()
    links.save()
    row.cursor, row.group, row.since = event.seq, body.group, min(event.seq, row.since or event.seq)
    save_room(connection, row)
    pin_suite(connection, event.room, RoomSuite(opened.group.suite.number))
    leaves = [certificate_bytes(leaf) for _, leaf in opened.group.tree.members()]
    note = Note(NoteKind.HISTORY_STARTS)
    received = Received(with_body(event, stripped(body)), sealed=True, note=note)
    return received, concerns_about(connection, people, leaves, now)


def _require_suite(connection: apsw.Connection, group: Group, event: LogEvent) -> None:
    """Let no group with weaker keys take the place of the room's. Raises JoinRefusedError."""
    pinned = pinned_suite(connection, event.room)
    if group.suite.number < pinned:
        raise JoinRefusedError(
            "The Welcome was refused: this room has post-quantum keys, and its new group does without them."
        )


def _spend(connection: apsw.Connection, packages: Packages, opened: Opened) -> None:
    """Use the key package up for good; another program may have done so meanwhile."""
    store = packages.load(connection)
    if not opened.spent <= {package.ref for package in store}:
        raise JoinRefusedError("The Welcome's key package was used already.")
    for ref in opened.spent:
        store.drop(ref)
    packages.save(connection, store)
