"""Reads the facts for a decision, in the transaction that appends.

Those of every event are in the one SELECT of an append (`room_log_kind.py`); here are those that only some
kinds of body need.
"""

from typing import Any, Final, assert_never

from msgspec.structs import replace

from parlour_protocol.frames.bodies import (
    Added,
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
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.consent.invitations import (
    accepted_admission,
    count_rooms,
    facts_of_invitation,
    is_invited,
)
from parlour_server.chat.delivery.tables.group_facts import group_facts
from parlour_server.chat.store.sql.column_values import (
    GIVEN,
    read_body,
    read_membership,
)
from parlour_server.chat.store.sql.rooms.member_rows import count_owners
from parlour_server.chat.store.types import AppendEvent, Target
from parlour_server.core.accounts.tables.accounts import account_exists
from parlour_server.core.store.engine.column_values import UNREADABLE, plain, user_name
from parlour_server.core.store.engine.connection import Connection

_PERSON: Final = """
    SELECT m.role, u.until, b.until FROM rooms r
    LEFT JOIN members m ON m.room = r.room AND m.account = ?1
    LEFT JOIN mutes u ON u.room = r.room AND u.account = ?1
    LEFT JOIN bans b ON b.room = r.room AND b.account = ?1
    WHERE r.room = ?2
"""
_REACTIONS: Final = """
    SELECT count(DISTINCT nullif(reaction, ?3)),
        coalesce(max(CASE WHEN reaction = ?3 AND account = ?4 THEN 1 ELSE 0 END), 0)
    FROM reactions WHERE room = ?1 AND target = ?2
"""
_IN_GROUP: Final = """
    SELECT 1 FROM groups g JOIN group_devices d USING (group_id)
    WHERE g.room = ? AND g.in_force = 1 AND d.account = ? LIMIT 1
"""
_PINS: Final = (
    "SELECT count(*), coalesce(max(CASE WHEN target = ?2 THEN 1 ELSE 0 END), 0) FROM pins WHERE room = ?1"
)


def facts_of_body(db: Connection, event: AppendEvent) -> dict[str, Any]:  # noqa: C901, PLR0911 - one case each
    """Return the facts that only this kind of body needs."""
    body = event.body
    match body:
        case Message() | Edited() | Deleted() | Reacted() | Pinned():
            return _of_target(db, event, body)
        case EncryptedMessage(blanks=blanks):
            target = {} if blanks is None else {"target": _blanked_target(db, event.room, blanks)}
            return group_facts(db, event, body) | target
        case GroupCreated() | Handshake() | Contested():
            return group_facts(db, event, body)
        case Joined():
            more = {"author_rooms": count_rooms(db, event.author), "author_invited": is_invited(db, event)}
            return more | {"admission": accepted_admission(db, event, body)}
        case Left():
            return _of_removal(db, event, event.author)
        case Kicked() | Banned() | RoleSet():
            return _subject(db, event.room, body.who) | _of_removal(db, event, body.who)
        case Unbanned() | Muted() | Unmuted():
            return _subject(db, event.room, body.who)
        case Invited() | Uninvited():
            return _subject(db, event.room, body.who) | facts_of_invitation(db, event, body.who)
        case RetentionSet() | TopicSet() | Renamed() | Archived() | RoomDeleted() | EncryptionOn():
            return {}
        case Created() | Added() | Blank() | Unreadable():  # no request makes such an event
            return {}
        case _:
            assert_never(body)


def _of_removal(db: Connection, event: AppendEvent, who: UserName) -> dict[str, Any]:
    """Return how many owners there are, and whether someone's devices are in the room's group."""
    in_group = db.execute(_IN_GROUP, (event.room, plain(who))).fetchone() is not None
    return {"owners": count_owners(db, event.room), "in_group": in_group}


def _of_target(
    db: Connection, event: AppendEvent, body: Message | Edited | Deleted | Reacted | Pinned
) -> dict[str, Any]:
    """Return the event's target message."""
    if isinstance(body, Message):
        return {"target": body.reply_to and _target(db, event.room, body.reply_to)}
    if isinstance(body, Reacted):
        return {"target": _reacted_target(db, event, body)}
    if isinstance(body, Pinned):
        return _pinned_target(db, event.room, body.target)
    return {"target": _target(db, event.room, body.target)}


def _subject(db: Connection, room: RoomId, who: UserName) -> dict[str, Any]:
    role, muted_until, banned_until = db.execute(_PERSON, (plain(who), room)).fetchone()
    return {
        "subject": read_membership(who, role, muted_until, GIVEN),
        "subject_exists": account_exists(db, who),
        "subject_banned_until": banned_until,
    }


def _target(db: Connection, room: RoomId, seq: Seq) -> Target | None:
    row = db.execute("SELECT author, kind FROM entries WHERE log = ? AND seq = ?", (room, seq)).fetchone()
    return None if row is None else Target(seq, user_name(row[0]), row[1])


def _blanked_target(db: Connection, room: RoomId, seq: Seq) -> Target | None:
    target = _target(db, room, seq)
    row = db.execute("SELECT body FROM entries WHERE log = ? AND seq = ?", (room, seq)).fetchone()
    try:
        body = row and read_body(row[0])
    except UNREADABLE:
        return target  # what is damaged can be deleted
    deletes = isinstance(body, EncryptedMessage) and body.blanks is not None
    return target and replace(target, deletes=deletes)


def _pinned_target(db: Connection, room: RoomId, seq: Seq) -> dict[str, Any]:
    target = _target(db, room, seq)
    pins, pinned = db.execute(_PINS, (room, seq)).fetchone()
    return {"target": target and replace(target, pinned=bool(pinned)), "pins": pins}


def _reacted_target(db: Connection, event: AppendEvent, body: Reacted) -> Target | None:
    target = _target(db, event.room, body.target)
    if target is None:
        return None
    key = (event.room, body.target, plain(body.reaction), plain(event.author))
    others, own = db.execute(_REACTIONS, key).fetchone()
    return Target(target.seq, target.author, target.kind, others, bool(own))
