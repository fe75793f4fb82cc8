"""Looks up what a decision rests on, in the transaction that appends.

Only what the kind of body needs is read, because this runs for every event: a plain message costs one
indexed SELECT. It judges nothing. Called by the log, just before ``decide``.
"""

import sqlite3
from typing import Any, Final

from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
    Unbanned,
    Unmuted,
)
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName
from parlour_server.store.sqlite.accounts import account_exists
from parlour_server.store.sqlite.members import count_owners, count_rooms
from parlour_server.store.sqlite.stored import ROOM_KINDS, plain, read_membership, user_name
from parlour_server.store.types import AppendEvent, Facts, Target

_PERSON: Final = """
    SELECT r.kind, m.role, u.until, b.until FROM rooms r
    LEFT JOIN members m ON m.room = r.room AND m.account = ?1
    LEFT JOIN mutes u ON u.room = r.room AND u.account = ?1
    LEFT JOIN bans b ON b.room = r.room AND b.account = ?1
    WHERE r.room = ?2
"""
_REACTIONS: Final = """
    SELECT count(DISTINCT reaction), coalesce(max(reaction = ?3 AND account = ?4), 0) FROM reactions
    WHERE room = ?1 AND target = ?2
"""


def read_facts(db: sqlite3.Connection, event: AppendEvent) -> Facts:
    """Return the facts about an event that somebody wants to append."""
    room, author, body = event.room, event.author, event.body
    row = db.execute(_PERSON, (plain(author), room)).fetchone()
    if row is None:
        return Facts(None, None)
    kind, role, muted_until, banned_until = row
    more: dict[str, Any] = {}
    if type(body) is not Message or body.reply_to is not None:
        more = _more(db, event, body)
    return Facts(ROOM_KINDS[kind], read_membership(author, role, muted_until), banned_until, **more)


def _more(db: sqlite3.Connection, event: AppendEvent, body: AnyBody) -> dict[str, Any]:
    """Return what only some kinds of body need."""
    more: dict[str, Any] = {}
    if isinstance(body, Message):
        more["target"] = body.reply_to and _target(db, event.room, body.reply_to)
    elif isinstance(body, Edited | Deleted):
        more["target"] = _target(db, event.room, body.target)
    elif isinstance(body, Reacted):
        more["target"] = _reacted_target(db, event, body)
    elif isinstance(body, Joined):
        more["author_rooms"] = count_rooms(db, event.author)
    elif isinstance(body, Added | Kicked | Banned | Unbanned | Muted | Unmuted | RoleSet):
        more = _subject(db, event.room, body.who)
        if isinstance(body, Added):
            more["subject_rooms"] = count_rooms(db, body.who)
    if isinstance(body, RoleSet | Left | Kicked | Banned):
        more["owners"] = count_owners(db, event.room)
    return more


def _subject(db: sqlite3.Connection, room: RoomId, who: UserName) -> dict[str, Any]:
    _, role, muted_until, banned_until = db.execute(_PERSON, (plain(who), room)).fetchone()
    return {
        "subject": read_membership(who, role, muted_until),
        "subject_exists": role is not None or account_exists(db, who),
        "subject_banned_until": banned_until,
    }


def _target(db: sqlite3.Connection, room: RoomId, seq: Seq) -> Target | None:
    row = db.execute("SELECT author, kind FROM events WHERE room = ? AND seq = ?", (room, seq)).fetchone()
    return None if row is None else Target(seq, user_name(row[0]), row[1])


def _reacted_target(db: sqlite3.Connection, event: AppendEvent, body: Reacted) -> Target | None:
    target = _target(db, event.room, body.target)
    if target is None:
        return None
    key = (event.room, body.target, plain(body.reaction), plain(event.author))
    distinct, own = db.execute(_REACTIONS, key).fetchone()
    return Target(target.seq, target.author, target.kind, distinct, bool(own))
