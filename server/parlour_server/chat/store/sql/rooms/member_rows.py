"""The members of a room: a table that follows the room's log.

It applies events without checks, with one rule of its own: a room with members has an owner (``next_owner``).
"""

from typing import Final

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.chat.consent import invitations
from parlour_server.chat.delivery.tables.group_devices import update_leaving
from parlour_server.chat.store.sql.column_values import GIVEN
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection

_DELETED: Final = "SELECT 1 FROM accounts WHERE account = ? AND deleted IS NOT NULL"


def enter(
    db: Connection,
    room: RoomId,
    user: UserName,
    role: Role,
    *,
    since: Seq,
    read: int,
    will: str = GIVEN,
) -> None:
    """Make someone a member from event ``since`` on, with events up to ``read`` read.

    Raises RefusedError for an account that was deleted: its connections are open for a moment longer.
    """
    if db.execute(_DELETED, (plain(user),)).fetchone() is not None:
        raise RefusedError(ErrorCode.FORBIDDEN, "the account was deleted")
    made = db.execute(
        "INSERT INTO members (room, account, role, since, read, consent) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (room, plain(user), role.value, since, read, will),
    ).rowcount
    invitations.entered(db, room, user)
    db.execute("UPDATE rooms SET members = members + ? WHERE room = ?", (made, room))
    update_leaving(db, user, room)


def leave(db: Connection, room: RoomId, user: UserName) -> None:
    """Remove a member, if they are one."""
    gone = db.execute("DELETE FROM members WHERE room = ? AND account = ?", (room, plain(user))).rowcount
    db.execute("UPDATE rooms SET members = members - ? WHERE room = ?", (gone, room))
    invitations.left(db, room, user)
    update_leaving(db, user, room)


def set_role(db: Connection, room: RoomId, user: UserName, role: Role) -> None:
    """Give a member a role."""
    db.execute("UPDATE members SET role = ? WHERE room = ? AND account = ?", (role.value, room, plain(user)))


def count_members(db: Connection, room: RoomId) -> int:
    """Return the number of members."""
    count: int = db.execute("SELECT members FROM rooms WHERE room = ?", (room,)).fetchone()[0]
    return count


def count_owners(db: Connection, room: RoomId) -> int:
    """Return the number of owners."""
    count: int = db.execute(
        "SELECT count(*) FROM members WHERE room = ? AND role = ?", (room, Role.OWNER.value)
    ).fetchone()[0]
    return count


def next_owner(db: Connection, room: RoomId) -> UserName | None:
    """Return who must become owner; None if the room has an owner, or no members.

    It is the moderator who has been in the room longest, else the member who has; someone whose account was
    deleted only where no one else is left.
    """
    if count_owners(db, room):
        return None
    query = (
        "SELECT m.account FROM members m JOIN accounts a ON a.account = m.account WHERE m.room = ?"
        " ORDER BY a.deleted IS NOT NULL, m.role != ?, m.since, m.account LIMIT 1"
    )
    row = db.execute(query, (room, Role.MODERATOR.value)).fetchone()
    return None if row is None else user_name(row[0])
