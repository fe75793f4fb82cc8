"""Reads the summary of a room for one of its members, in a transaction that enters it or by itself."""

from typing import Any, Final

from parlour_protocol.frames.replies import RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomSuite
from parlour_server.chat.store.retention_policy import RetentionPolicy, shorter
from parlour_server.chat.store.sql.column_values import GIVEN, ROLES, ROOM_KINDS, room_name, topic_text
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection

_SUMMARY: Final = """
    SELECT r.room, r.kind, m.role, l.head, m.read, r.members, r.name, r.topic,
           r.encrypted, r.suite, m.consent, CASE WHEN r.low = m.account THEN r.high ELSE r.low END,
           r.kept_days, r.next_days, r.next_from, r.removed_before,
           s.kept_days, s.next_days, coalesce(s.next_from, 0), r.archived
    FROM members m JOIN rooms r USING (room) JOIN logs l ON l.log = r.room LEFT JOIN retention s ON s.id = 1
    WHERE m.account = ? AND m.consent != 'refused'
"""


def read_summary(db: Connection, room: RoomId, user: UserName) -> RoomSummary | None:
    """Return one room's summary; None if the user is not in it, or declined it."""
    row = db.execute(_SUMMARY + "AND m.room = ?", (plain(user), room)).fetchone()
    return None if row is None else _summary(*row)


def read_summaries(db: Connection, user: UserName) -> list[RoomSummary]:
    """Return those of every room that the user is in and did not decline."""
    return [_summary(*row) for row in db.execute(_SUMMARY, (plain(user),))]


def _summary(
    room: RoomId, kind: str, role: str, head: Seq, read: Seq, members: int, name: str | None, *rest: Any
) -> RoomSummary:
    topic, encrypted, suite, will, peer, *retention, archived = rest
    days, next_days, next_from, removed_before, *of_server = retention
    return RoomSummary(
        room=room,
        kind=ROOM_KINDS[kind],
        role=ROLES[role],
        head=head,
        read=read,
        members=members,
        name=room_name(name),
        peer=None if peer is None else user_name(peer),
        topic=topic_text(topic),
        encrypted=bool(encrypted),
        request=will != GIVEN,
        suite=RoomSuite(suite),
        archived=bool(archived),
        retention=shorter(
            RetentionPolicy(*of_server), RetentionPolicy(days, next_days, next_from), removed_before
        ),
    )
