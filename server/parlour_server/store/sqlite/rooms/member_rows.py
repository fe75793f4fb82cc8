"""Who is in a room: the table that the room's log says, kept in step with it.

It decides nothing; an event that was let through is applied as it stands. One rule is its own: a room that
has members has an owner (``heir``).
"""

import sqlite3

from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.store.sqlite.e2ee.group_devices import update_leaving
from parlour_server.store.sqlite.engine.column_values import plain, user_name
from parlour_server.store.sqlite.rooms import sqlite_consent as consent


def enter(
    db: sqlite3.Connection,
    room: RoomId,
    user: UserName,
    role: Role,
    *,
    since: Seq,
    read: int,
    will: str = consent.GIVEN,
) -> None:
    """Make someone a member from event ``since`` on, with events up to ``read`` read."""
    made = db.execute(
        "INSERT INTO members (room, account, role, since, read, consent) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (room, plain(user), role.value, since, read, will),
    ).rowcount
    consent.entered(db, room, user)
    db.execute("UPDATE rooms SET members = members + ? WHERE room = ?", (made, room))
    update_leaving(db, user, room)


def leave(db: sqlite3.Connection, room: RoomId, user: UserName) -> None:
    """Take someone out; nothing when they are not in."""
    gone = db.execute("DELETE FROM members WHERE room = ? AND account = ?", (room, plain(user))).rowcount
    db.execute("UPDATE rooms SET members = members - ? WHERE room = ?", (gone, room))
    consent.left(db, room, user)
    update_leaving(db, user, room)


def set_role(db: sqlite3.Connection, room: RoomId, user: UserName, role: Role) -> None:
    """Give a member a role."""
    db.execute("UPDATE members SET role = ? WHERE room = ? AND account = ?", (role.value, room, plain(user)))


def count_members(db: sqlite3.Connection, room: RoomId) -> int:
    """Return how many are in the room."""
    count: int = db.execute("SELECT members FROM rooms WHERE room = ?", (room,)).fetchone()[0]
    return count


def count_owners(db: sqlite3.Connection, room: RoomId) -> int:
    """Return how many owners the room has."""
    count: int = db.execute(
        "SELECT count(*) FROM members WHERE room = ? AND role = ?", (room, Role.OWNER.value)
    ).fetchone()[0]
    return count


def next_owner(db: sqlite3.Connection, room: RoomId) -> UserName | None:
    """Return who must become owner: None when the room has an owner, or no one in it.

    It is the moderator who is longest in the room, else the member who is.
    """
    if count_owners(db, room):
        return None
    for role in (Role.MODERATOR, Role.MEMBER):
        row = db.execute(
            "SELECT account FROM members WHERE room = ? AND role = ? ORDER BY since, account LIMIT 1",
            (room, role.value),
        ).fetchone()
        if row is not None:
            return user_name(row[0])
    return None
