"""Reads the facts for a decision, in the transaction that appends.

It reads only what the kind of body needs, because it runs for every event: a plain message costs one indexed
SELECT.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, assert_never

from msgspec.structs import replace

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
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.store.sql.column_values import (
    ASKED,
    GIVEN,
    ROOM_KINDS,
    read_body,
    read_membership,
)
from parlour_server.chat.store.sql.e2ee.group_facts import group_facts
from parlour_server.chat.store.sql.rooms.consent import (
    accepted_admission,
    count_rooms,
    facts_of_invitation,
    is_invited,
)
from parlour_server.chat.store.sql.rooms.member_rows import count_owners
from parlour_server.chat.store.types import AppendEvent, Facts, GroupFacts, Target
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
_COLUMNS: Final = (
    "r.kind, l.head, r.encrypted, e.seq, m.role, m.consent, u.until, b.until, l.bytes, r.archived, p.deleted,"
    " s.session IS NOT NULL"
)
# The author, the room and the request in one SELECT, the only one for a plain message.
_ROOM_FACTS: Final = f"""
    SELECT {_COLUMNS} FROM rooms r JOIN logs l ON l.log = r.room
    LEFT JOIN members m ON m.room = r.room AND m.account = ?1 AND m.consent != 'refused'
    LEFT JOIN mutes u ON u.room = r.room AND u.account = ?1
    LEFT JOIN bans b ON b.room = r.room AND b.account = ?1
    LEFT JOIN entries e ON e.author = ?1 AND e.request = ?3
    LEFT JOIN accounts p ON p.account = CASE WHEN r.low = ?1 THEN r.high ELSE r.low END
    LEFT JOIN accounts a ON a.account = ?1 AND a.disabled = 0
    LEFT JOIN sessions s ON s.session = ?4 AND s.account = a.account AND s.expires > ?5
    WHERE r.room = ?2 AND r.kind != 'deleted'
"""  # noqa: S608 - columns of ours
# The same for many, on PostgreSQL.
_ROOM_FACTS_TOGETHER: Final = f"""
    SELECT {_COLUMNS}
    FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[])
        WITH ORDINALITY AS q (author, room, request, session, now, n)
    LEFT JOIN rooms r ON r.room = q.room AND r.kind != 'deleted'
    LEFT JOIN logs l ON l.log = r.room
    LEFT JOIN members m ON m.room = q.room AND m.account = q.author AND m.consent != 'refused'
    LEFT JOIN mutes u ON u.room = q.room AND u.account = q.author
    LEFT JOIN bans b ON b.room = q.room AND b.account = q.author
    LEFT JOIN entries e ON e.author = q.author AND e.request = q.request
    LEFT JOIN accounts p ON p.account = CASE WHEN r.low = q.author THEN r.high ELSE r.low END
    LEFT JOIN accounts a ON a.account = q.author AND a.disabled = 0
    LEFT JOIN sessions s ON s.session = q.session AND s.account = a.account AND s.expires > q.now
    ORDER BY q.n
"""  # noqa: S608 - columns of ours
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


class RoomFacts(NamedTuple):
    """The room and the author at the start of an append."""

    kind: str
    head: Seq
    encrypted: int
    repeats: Seq | None
    """Not None: this request of this author appended an event before, here or elsewhere."""
    role: str | None
    consent: str | None
    muted_until: Millis | None
    banned_until: Millis | None
    bytes: int
    archived: int
    peer_deleted: Millis | None
    """When the account of the other person in a direct room was deleted."""
    is_live: bool
    """The author's session is live, or the event is the server's own."""

    @property
    def is_plain(self) -> bool:
        """Whether this request is new, and its author a member who has accepted the room (or no member)."""
        return self.is_live and self.repeats is None and self.consent != ASKED


def read_room_facts(db: Connection, event: AppendEvent, now: Millis) -> RoomFacts | None:
    """Return the facts about the room and the author of an event; None if there is no such room."""
    asked = (plain(event.author), event.room, event.request, event.session, now)
    row = db.execute(_ROOM_FACTS, asked).fetchone()
    return None if row is None else _room_facts(event, row)


def _room_facts(event: AppendEvent, row: tuple[Any, ...]) -> RoomFacts:
    *facts, has_session = row
    return RoomFacts._make((*facts, event.session is None or bool(has_session)))


def room_facts_together(
    db: Connection, events: Sequence[AppendEvent], now: Sequence[Millis]
) -> list[RoomFacts | None]:
    """Return the facts about the room and the author of each event, as ``read_room_facts`` does."""
    asked = (
        [plain(event.author) for event in events],
        [event.room for event in events],
        [event.request for event in events],
        [event.session for event in events],
        list(now),
    )
    rows = db.execute(_ROOM_FACTS_TOGETHER, asked).fetchall()
    found = zip(events, rows, strict=True)
    return [None if row[0] is None else _room_facts(event, row) for event, row in found]


def facts_for_plain(event: AppendEvent, room_facts: RoomFacts, group: GroupFacts | None) -> Facts:
    """Return the facts for the decision about a body that needs no others."""
    author = read_membership(event.author, room_facts.role, room_facts.muted_until, room_facts.consent)
    encrypted = bool(room_facts.encrypted)
    kind = ROOM_KINDS[room_facts.kind]
    return Facts(
        kind,
        author,
        room_facts.banned_until,
        encrypted=encrypted,
        archived=bool(room_facts.archived),
        peer_deleted=room_facts.peer_deleted is not None,
        group=group,
        room_bytes=room_facts.bytes,
    )


def read_facts(db: Connection, event: AppendEvent, room_facts: RoomFacts) -> Facts:
    """Return the facts for the decision, including those that only this kind of body needs."""
    body = event.body
    more: dict[str, Any] = {}
    if type(body) is not Message or body.reply_to is not None:
        more = _more(db, event, body)
    author = read_membership(event.author, room_facts.role, room_facts.muted_until, room_facts.consent)
    if author is not None and author.asked:
        more["author_rooms"] = count_rooms(db, event.author)
    encrypted = bool(room_facts.encrypted)
    more["room_bytes"] = room_facts.bytes
    return Facts(
        ROOM_KINDS[room_facts.kind],
        author,
        room_facts.banned_until,
        encrypted=encrypted,
        archived=bool(room_facts.archived),
        peer_deleted=room_facts.peer_deleted is not None,
        **more,
    )


def _more(db: Connection, event: AppendEvent, body: AnyBody) -> dict[str, Any]:  # noqa: C901, PLR0911 - one case each
    """Return the facts that only some kinds of body need."""
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
