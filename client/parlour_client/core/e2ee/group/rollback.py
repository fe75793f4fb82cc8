"""Encrypted rooms whose log was rolled back at the server: this device keeps its own state of the group.

The server's group is an old one, which some devices have left and which contains people who were removed
since. Nothing is encrypted for it. Any member's device recreates the group, with the people it knew, never
with those the server lists. Functions over a connection.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, cast

import apsw

from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee.group.store import RoomRow, known_roster
from parlour_client.core.model import NoteKind
from parlour_client.kit.language import N_
from parlour_protocol.frames import AnyBody, decode_body
from parlour_protocol.frames.bodies import GroupCreated, MembershipChange, concerned
from parlour_protocol.frames.event_rules import Concerns
from parlour_protocol.ids import GroupId, RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import members
from parlour_protocol.membership import Roster

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


def note(
    connection: apsw.Connection,
    row: RoomRow,
    shared: Seq,
    fork: Seq,
    members: Collection[UserName],
    roster: Roster | None,
    me: UserName,
) -> None:
    """Note a rollback to ``shared``: the lost events end at ``fork``; ``members`` are the group's.

    The room continues after ``fork``, with the group that it had at ``shared`` in force. Where there is a
    ``roster``, its people are the room's: an event that no member has signed changes nothing.
    """
    known = load(connection, row.room)
    if roster is not None:
        people: set[UserName] | None = {one.user for one in roster.people}
    else:
        people = {*members} or (None if known is None or known.people is None else {*known.people})
        people = None if people is None else _moved(connection, row.room, shared, people)
    row.group, row.contested = _group_at(connection, row, shared), False
    row.cursor = fork
    was_inside = bool(members) or (known is not None and known.due)
    due = was_inside and people is not None and me in people
    query = "INSERT OR REPLACE INTO mls_rolled_back VALUES (?, ?, ?, ?)"
    named = None if people is None else json.dumps(sorted(people))
    connection.execute(query, (row.room, fork, due, named))


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
