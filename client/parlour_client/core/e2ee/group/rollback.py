"""Encrypted rooms whose log was rolled back at the server: this device keeps its own state of the group.

The server's group is an old one, which some devices have left and which contains people who were removed
since. Nothing is encrypted for it. Any member's device recreates the group, with the people it knew, never
with those the server lists. Functions over a connection.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import apsw

from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import commit
from parlour_client.core.e2ee.group.order import Links
from parlour_client.core.e2ee.group.statements import expected
from parlour_client.core.e2ee.group.store import (
    Groups,
    RoomRow,
    contested,
    known_roster,
    load_room,
    save_room,
)
from parlour_client.core.model import NoteKind
from parlour_client.kit.language import N_, _
from parlour_protocol.delivery import CreateGroup
from parlour_protocol.frames import AnyBody, decode_body
from parlour_protocol.frames.bodies import GroupCreated, MembershipChange, concerned
from parlour_protocol.frames.event_rules import Concerns
from parlour_protocol.ids import GroupId, RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import members
from parlour_protocol.rooms import RoomKind

RECREATE_FIRST: Final = N_(
    "The server's history was rolled back: the encrypted group of this room must be "
    "recreated before anything is sent."
)
CONTESTED: Final = N_(
    "The server's history was rolled back: the encrypted group of this room is recreated "
    "before anything is sent."
)
RECREATED: Final = N_(
    "{user} recreated the encrypted group of this room, because the server's history was rolled back."
)
NOT_A_MEMBER: Final = N_(
    "{user}, who was removed before the server was rolled back, created a group here; it was ignored."
)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What is known of a room since its log was rolled back."""

    due: bool
    """No group was created since."""
    people: frozenset[UserName] | None
    """The room's members, as the devices know them; None: this device was in no group."""


def load(connection: apsw.Connection, room: RoomId) -> RolledBack | None:
    """Load the state; None for a room that was not rolled back."""
    query = "SELECT fork, due, people FROM mls_rolled_back WHERE room = ?"
    rows = cast("list[tuple[int, int, str | None]]", list(connection.execute(query, (room,))))
    for fork, due, people in rows:
        if people is None:
            return RolledBack(bool(due), None)
        named = {user_name(str(user)) for user in json.loads(people)}
        return RolledBack(bool(due), frozenset(_moved(connection, room, Seq(fork), named)))
    return None


def is_due(connection: apsw.Connection, room: RoomId) -> bool:
    """Say whether the room's group must be recreated."""
    return (known := load(connection, room)) is not None and known.due


def is_stranger(connection: apsw.Connection, room: RoomId, user: UserName, known: RolledBack | None) -> bool:
    """Say whether someone is known not to be in a room that was rolled back.

    A removal that is only in the log removes no one from the roster, which members have signed.
    """
    if known is None or known.people is None or user in known.people:
        return False
    roster = known_roster(connection, room)
    return roster is None or roster.person(user) is None


def recreate_again(connection: apsw.Connection, room: RoomId, me: UserName) -> bool:
    """Have a group recreated once more that this device, one of the room, can't enter; False: it was in one.

    A server that went back without saying so gives out key packages that were used already.
    """
    known = load(connection, room)
    if known is None or known.people is None or me not in known.people:
        return False
    query = """
        UPDATE mls_rolled_back SET due = 1 WHERE room = ?1 AND NOT EXISTS (
            SELECT 1 FROM events
            WHERE room = ?1 AND seq > mls_rolled_back.fork AND json_extract(note, '$.kind') = ?2)"""
    connection.execute(query, (room, NoteKind.HISTORY_STARTS.value))
    return bool(connection.changes())


def note_created(connection: apsw.Connection, room: RoomId) -> None:
    """Note that a group was created since."""
    connection.execute("UPDATE mls_rolled_back SET due = 0 WHERE room = ?", (room,))


def rolled_back(
    connection: apsw.Connection, groups: Groups, room: RoomId, shared: Seq, fork: Seq, now: Millis
) -> None:
    """Note that the server lost the events between ``shared`` and ``fork``, and continue after it.

    The group that the room had at ``shared`` is in force. This device's pending commits were made for an
    epoch that the server does not have. Where there is a roster, its people are the room's: an event that no
    member has signed changes nothing.
    """
    row, stored = groups.both(connection, room)
    if row is None:
        return
    commit.drop_staged(connection, groups, room)
    contested(connection, room)
    known = load(connection, room)
    roster = known_roster(connection, room) if stored is None else expected(connection, stored, now)
    people: set[UserName] | None = None
    if roster is not None:
        people = {one.user for one in roster.people}
    elif known is not None and known.people is not None:
        people = _moved(connection, room, shared, {*known.people})
    was_inside = stored is not None or (known is not None and known.due)
    due = was_inside and people is not None and groups.own.user in people
    query = "INSERT OR REPLACE INTO mls_rolled_back VALUES (?, ?, ?, ?)"
    connection.execute(query, (room, fork, due, None if people is None else json.dumps(sorted(people))))
    links = Links(connection, room)
    links.forked(shared)
    links.save()
    before, row.group = row.group, _group_at(connection, row, shared)
    if before is not None and before != row.group:
        groups.drop(connection, before)
    row.contested, row.cursor = False, fork
    save_room(connection, row)


def recreate_group(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    kind: RoomKind,
    replaces: GroupId | None,
    request: RequestId,
    at: Millis,
) -> CreateGroup:
    """Create the next group of a rolled-back room, to replace the server's. In a durable transaction.

    Raises NotReadyError if it was created meanwhile.
    """
    row = load_room(connection, room)
    if row is None or not is_due(connection, room):
        raise NotReadyError(_("This room already has an encrypted group."), _("There is nothing to do."))
    if row.group is not None and row.group != replaces:
        groups.drop(connection, row.group)
    row.group, row.contested = replaces, True
    save_room(connection, row)
    return commit.create_group(connection, groups, room, kind, request, at)


def _group_at(connection: apsw.Connection, row: RoomRow, shared: Seq) -> GroupId | None:
    """Return the group that was in force: the one that the first lost creation replaced."""
    query = """
        SELECT body FROM events
        WHERE room = ? AND seq > ? AND kind = 'founded' AND json_extract(note, '$.kind') IN (?, ?)
        ORDER BY seq"""
    taken = NoteKind.FOUNDED.value, NoteKind.ROLLED_BACK.value
    for (body,) in connection.execute(query, (row.room, shared, *taken)):
        created = decode_body(str(body))
        return created.replaces if isinstance(created, GroupCreated) else None
    return row.group


_MOVES: Final = """
    SELECT author, body FROM events
    WHERE room = ? AND seq > ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq"""
_MOVING: Final = json.dumps(
    [kind.__struct_config__.tag for kind in members(AnyBody) if issubclass(kind, MembershipChange)]
)


def _moved(connection: apsw.Connection, room: RoomId, after: Seq, people: set[UserName]) -> set[UserName]:
    """Return the room's people after the log's later events."""
    found = list(connection.execute(_MOVES, (room, after, _MOVING)))
    for author, text in cast("Iterable[tuple[str, str]]", found):
        body = decode_body(text)
        who = concerned(body, user_name(author))
        if who is not None:
            people = people | {who} if body.rules.concerns is Concerns.MEMBER else people - {who}
    return people
