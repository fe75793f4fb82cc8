"""Applies events to the other tables: members, bans, mutes, roles, topic, pins, deleted text.

This happens in the transaction that appends the event, so the tables always agree with the log. Permissions
were checked before.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Archived,
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Pinned,
    Reacted,
    Renamed,
    RetentionSet,
    RoleSet,
    RoomDeleted,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
    Unreadable,
)
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.unions import total
from parlour_protocol.rooms import Role
from parlour_server.chat.consent import invitations
from parlour_server.chat.delivery.tables.group_effects import (
    contested,
    encryption_on,
    group_created,
    handshake,
)
from parlour_server.chat.store.sql.column_values import read_body, write_body
from parlour_server.chat.store.sql.rooms.member_rows import enter, leave, set_role
from parlour_server.chat.store.sql.rooms.room_deletion import room_deleted
from parlour_server.chat.store.sql.rooms.room_names import rename
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.core.store.engine.column_values import UNREADABLE, plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection

Effect = Callable[[WriteConnection, LogEvent, Any], None]

FOR_GOOD: Final = 0
"""The `until` of a permanent ban or mute."""


def apply_effect(db: WriteConnection, event: LogEvent, parts: StoreParts) -> None:
    """Apply the event's effects, those of capabilities first."""
    if isinstance(event.body, Deleted):
        _content_removed(db, event, event.body.target, parts)
    elif isinstance(event.body, RoomDeleted):
        for deleted in parts.room_deleted:
            deleted(db, event.room, event.at)
    _EFFECTS[type(event.body)](db, event, event.body)


def _nothing(_db: WriteConnection, _event: LogEvent, _body: AnyBody) -> None:
    """Leave it at the log."""


def _joined(db: WriteConnection, event: LogEvent, body: Joined) -> None:
    _lift(db, "bans", event, event.author)  # one that has run out
    enter(db, event.room, event.author, Role.MEMBER, since=event.seq, read=event.seq)
    if body.acceptance is not None and body.statement is not None:
        invitations.accepted(db, event, body.statement)


def _added(db: WriteConnection, event: LogEvent, body: Added) -> None:
    _lift(db, "bans", event, body.who)
    # being added by someone else is unread for the person
    enter(db, event.room, body.who, Role.MEMBER, since=event.seq, read=event.seq - 1)


def _left(db: WriteConnection, event: LogEvent, _body: Left) -> None:
    leave(db, event.room, event.author)


def _kicked(db: WriteConnection, event: LogEvent, body: Kicked) -> None:
    leave(db, event.room, body.who)


def _banned(db: WriteConnection, event: LogEvent, body: Banned) -> None:
    leave(db, event.room, body.who)
    invitations.banned(db, event.room, body.who)
    db.execute(
        "INSERT INTO bans (room, account, until, seq) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (room, account) DO UPDATE SET until = excluded.until, seq = excluded.seq",
        (event.room, plain(body.who), _end(body), event.seq),
    )


def _unbanned(db: WriteConnection, event: LogEvent, body: Unbanned) -> None:
    _lift(db, "bans", event, body.who)


def _muted(db: WriteConnection, event: LogEvent, body: Muted) -> None:
    db.execute(
        "INSERT INTO mutes (room, account, until) VALUES (?, ?, ?)"
        " ON CONFLICT (room, account) DO UPDATE SET until = excluded.until",
        (event.room, plain(body.who), _end(body)),
    )


def _unmuted(db: WriteConnection, event: LogEvent, body: Unmuted) -> None:
    _lift(db, "mutes", event, body.who)


def _topic(db: WriteConnection, event: LogEvent, body: TopicSet) -> None:
    db.execute("UPDATE rooms SET topic = ? WHERE room = ?", (plain(body.topic), event.room))


def _archived(db: WriteConnection, event: LogEvent, body: Archived) -> None:
    db.execute("UPDATE rooms SET archived = ? WHERE room = ?", (int(body.on), event.room))


def _role(db: WriteConnection, event: LogEvent, body: RoleSet) -> None:
    set_role(db, event.room, body.who, body.role)


def _reacted(db: WriteConnection, event: LogEvent, body: Reacted) -> None:
    key = (event.room, body.target, plain(body.reaction), plain(event.author))
    if body.on:
        db.execute(
            "INSERT INTO reactions (room, target, reaction, account) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            key,
        )
    else:
        db.execute(
            "DELETE FROM reactions WHERE room = ? AND target = ? AND reaction = ? AND account = ?", key
        )


def _deleted(db: WriteConnection, event: LogEvent, body: Deleted) -> None:
    """Blank the message, its edits and its reactions, permanently."""
    found = db.execute(
        "SELECT seq, kind FROM entries WHERE log = ?1 AND seq = ?2"
        " UNION ALL SELECT seq, kind FROM entries WHERE log = ?1 AND target = ?2",
        (event.room, body.target),
    ).fetchall()
    for seq, kind in found:
        blank(db, event.room, seq, kind)
    db.execute("DELETE FROM reactions WHERE room = ? AND target = ?", (event.room, body.target))
    db.execute("DELETE FROM pins WHERE room = ? AND target = ?", (event.room, body.target))
    db.stale_wal = True


def _content_removed(db: WriteConnection, event: LogEvent, seq: Seq, parts: StoreParts) -> None:
    row = db.execute("SELECT body FROM entries WHERE log = ? AND seq = ?", (event.room, seq)).fetchone()
    try:
        body = row and read_body(row[0])
    except UNREADABLE:
        return  # what belonged to it is no longer known
    if body:
        for removed in parts.content_removed:
            removed(db, body, event.at)


def _encrypted_message(db: WriteConnection, event: LogEvent, body: EncryptedMessage) -> None:
    """Blank the encrypted message that this one deletes; only its readers know its edits and reactions."""
    if body.blanks is not None:
        blank(db, event.room, body.blanks, "sealed")
        db.stale_wal = True


def _pinned(db: WriteConnection, event: LogEvent, body: Pinned) -> None:
    if body.on:
        query = "INSERT INTO pins (room, target) VALUES (?, ?) ON CONFLICT DO NOTHING"
    else:
        query = "DELETE FROM pins WHERE room = ? AND target = ?"
    db.execute(query, (event.room, body.target))


def blank(db: WriteConnection, room: RoomId, seq: Seq, kind: str) -> None:
    """Remove the content of an event."""
    if kind != "blank":
        body = write_body(Blank(was=kind))
        db.execute(
            "UPDATE logs SET bytes = bytes + ?3"
            " - (SELECT length(body) FROM entries WHERE log = ?1 AND seq = ?2) WHERE log = ?1",
            (room, seq, len(body)),
        )
        db.execute("UPDATE entries SET kind = 'blank', body = ? WHERE log = ? AND seq = ?", (body, room, seq))


def _end(body: Banned | Muted) -> int:
    return FOR_GOOD if body.until is None else body.until


def _lift(db: Connection, table: str, event: LogEvent, who: str) -> None:
    db.execute(f"DELETE FROM {table} WHERE room = ? AND account = ?", (event.room, plain(who)))  # noqa: S608 - a table of ours


_EFFECTS: Final[Mapping[type, Effect]] = total(
    AnyBody,
    {
        Created: _nothing,  # `room_creation.py` makes the room
        Message: _nothing,  # its file is a capability's
        Edited: _nothing,
        Joined: _joined,
        Invited: invitations.invited,
        Uninvited: invitations.uninvited,
        Added: _added,
        Left: _left,
        Kicked: _kicked,
        Banned: _banned,
        Unbanned: _unbanned,
        Muted: _muted,
        Unmuted: _unmuted,
        TopicSet: _topic,
        Renamed: rename,
        Archived: _archived,
        RoomDeleted: room_deleted,
        RoleSet: _role,
        Reacted: _reacted,
        Deleted: _deleted,
        Pinned: _pinned,
        EncryptedMessage: _encrypted_message,
        EncryptionOn: encryption_on,
        GroupCreated: group_created,
        Handshake: handshake,
        Contested: contested,
        RetentionSet: _nothing,  # a capability sets it
        Blank: _nothing,
        Unreadable: _nothing,
    },
    "_EFFECTS",
)
