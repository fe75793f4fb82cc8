"""Reads the facts for decisions about a room's MLS group, in the transaction that appends.

An encrypted message costs one indexed SELECT; commits and contests read more.
"""

from collections.abc import Sequence
from typing import Any, Final

from parlour_protocol.frames.bodies import Contested, EncryptedMessage, GroupCreated, Handshake
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import Millis
from parlour_server.chat.delivery.tables.group_devices import addable
from parlour_server.chat.store.types import AppendEvent, GroupFacts
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection

GroupBody = GroupCreated | Handshake | EncryptedMessage | Contested

_GROUP: Final = """
    SELECT g.group_id, g.epoch, g.contested, g.stale_until,
        EXISTS (SELECT 1 FROM group_devices d
            WHERE d.group_id = g.group_id AND d.device = {sender} AND d.account = {author} AND d.leaving = 0),
        EXISTS (SELECT 1 FROM group_devices d WHERE d.group_id = g.group_id AND d.leaving = 1)
"""
_ONE: Final = f"""
    {_GROUP.format(sender="?2", author="?3")} FROM groups g WHERE g.room = ?1 AND g.in_force = 1
"""
# The same for many, on PostgreSQL.
_TOGETHER: Final = f"""
    {_GROUP.format(sender="q.sender", author="q.author")}
    FROM unnest(?::text[], ?::text[], ?::text[]) WITH ORDINALITY AS q (room, sender, author, n)
    LEFT JOIN groups g ON g.room = q.room AND g.in_force = 1 ORDER BY q.n
"""
_ACTIVE: Final = (
    "SELECT 1 FROM devices WHERE device = ? AND account = ? AND status = 'active' AND expires > ?"
)


def group_facts(db: Connection, event: AppendEvent, body: GroupBody) -> dict[str, Any]:
    """Return the facts about the group that this body needs."""
    row = db.execute(_ONE, (event.room, event.sender, plain(event.author))).fetchone()
    more: dict[str, Any] = {}
    if row is not None:
        group, epoch, contested, stale_until, present, pending = row
        extra = _extra(db, event, body, group)
        more["group"] = GroupFacts(
            group, epoch, bool(contested), stale_until, bool(present), bool(pending), **extra
        )
    if isinstance(body, GroupCreated):
        active = db.execute(_ACTIVE, (event.sender, plain(event.author), event.at)).fetchone()
        used = db.execute("SELECT 1 FROM groups WHERE group_id = ?", (body.group,)).fetchone()
        more |= {"sender_active": active is not None, "group_used": used is not None}
    return more


def group_facts_together(db: Connection, events: Sequence[AppendEvent]) -> list[GroupFacts | None]:
    """Return the facts about the group for each encrypted message, None for other events."""
    sealed = [event for event in events if isinstance(event.body, EncryptedMessage)]
    if not sealed:
        return [None] * len(events)
    asked = (
        [event.room for event in sealed],
        [event.sender for event in sealed],
        [plain(event.author) for event in sealed],
    )
    rows = iter(db.execute(_TOGETHER, asked).fetchall())
    return [_facts(*next(rows)) if isinstance(event.body, EncryptedMessage) else None for event in events]


def _facts(
    group: GroupId | None, epoch: Epoch, contested: int, stale_until: Millis, present: object, pending: object
) -> GroupFacts | None:
    if group is None:
        return None
    return GroupFacts(group, epoch, bool(contested), stale_until, bool(present), bool(pending))


def _extra(db: Connection, event: AppendEvent, body: GroupBody, group: GroupId) -> dict[str, Any]:
    """Return the facts that only some kinds of body need."""
    if isinstance(body, Handshake):
        return {
            "devices": _count(db, group),
            "addable": frozenset(addable(db, event.room, group, body.added, event.at)),
            "removable": frozenset(d for d in body.removed if _is_removable(db, group, d, body)),
        }
    if isinstance(body, Contested):
        query = "SELECT 1 FROM contests WHERE group_id = ? AND account = ?"
        contested = db.execute(query, (group, plain(event.author))).fetchone() is not None
        missing = addable(db, event.room, group, filter(None, (event.sender,)), event.at)
        return {"contested_by_author": contested, "addable": frozenset(missing)}
    if isinstance(body, GroupCreated):
        query = "SELECT DISTINCT account FROM group_devices WHERE group_id = ? AND leaving = 0 LIMIT 2"
        accounts = db.execute(query, (group,)).fetchall()
        return {"abandoned": not accounts, "only_authors": accounts == [(plain(event.author),)]}
    return {}


def _count(db: Connection, group: GroupId) -> int:
    count: int = db.execute("SELECT count(*) FROM group_devices WHERE group_id = ?", (group,)).fetchone()[0]
    return count


def _is_removable(db: Connection, group: GroupId, device: str, body: Handshake) -> bool:
    query = "SELECT leaving FROM group_devices WHERE group_id = ? AND device = ?"
    row = db.execute(query, (group, device)).fetchone()
    return row is not None and (bool(row[0]) or device in body.unusable)
