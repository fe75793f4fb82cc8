"""Appends messages that change nothing but the log: almost all of them.

An engine for which each statement is a journey (PostgreSQL) runs a batch of them together: one statement
reads the facts of all, one appends the rows. The rules are those of every append: ``Decide``, on the same
facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from parlour_protocol.frames.bodies import AnyBody, EncryptedMessage, Message, is_optional
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.store.sql.column_values import BODY_KINDS, write_body
from parlour_server.chat.store.sql.e2ee.group_facts import group_facts_together
from parlour_server.chat.store.sql.rooms.append import append, numbered
from parlour_server.chat.store.sql.rooms.event_facts import facts_for_plain, room_facts_together
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.types import Appended, AppendEvent, Decide
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection

_INSERT: Final = """
    INSERT INTO entries (log, seq, at, author, device, request, kind, body)
    SELECT * FROM unnest(
        ?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bytea[]
    )
"""
_MOVE_HEADS: Final = """
    UPDATE logs SET head = moved.head, bytes = logs.bytes + moved.bytes
    FROM unnest(?::text[], ?::bigint[], ?::bigint[]) AS moved (log, head, bytes)
    WHERE logs.log = moved.log
"""


def is_plain(body: AnyBody) -> bool:
    """Return whether a body changes nothing but the log."""
    if isinstance(body, EncryptedMessage):
        return body.blanks is None
    return isinstance(body, Message) and body.reply_to is None and not is_optional(body)


@dataclass(frozen=True, slots=True)
class PlainAppend:
    """The append of an event with a plain body."""

    event: AppendEvent
    decide: Decide
    now: Millis
    parts: StoreParts

    def __call__(self, db: WriteConnection) -> Appended:
        """Append the event by itself."""
        return append(db, self.event, self.decide, self.now, self.parts)

    @classmethod
    def together(cls, db: WriteConnection, writes: Sequence[Self]) -> Sequence[object]:
        """Append these in order; returns for each an Appended, or the error that refuses it."""
        events = [write.event for write in writes]
        facts = room_facts_together(db, events, [write.now for write in writes])
        groups = group_facts_together(db, events)
        heads: dict[RoomId, Seq] = {}
        requests: set[tuple[UserName, RequestId]] = set()
        waiting: list[tuple[LogEvent, RequestId]] = []
        results: list[object] = []
        for write, found, group in zip(writes, facts, groups, strict=True):
            event = write.event
            request = (event.author, event.request)
            try:
                if found is None or not found.is_plain or request in requests:
                    _store(db, waiting)  # what follows may read it
                    appended = append(db, event, write.decide, write.now, write.parts)
                else:
                    write.decide(event, facts_for_plain(event, found, group))
                    seq = Seq(heads.get(event.room, found.head) + 1)
                    appended = Appended(numbered(event, seq, event.body))
                    waiting.append((appended.event, event.request))
                heads[event.room] = max(appended.event.seq, heads.get(event.room, Seq(0)))
                results.append(appended)
            except (RefusedError, SessionRefusedError) as error:
                results.append(error)
            requests.add(request)
        _store(db, waiting)
        return results


def _store(db: WriteConnection, waiting: list[tuple[LogEvent, RequestId]]) -> None:
    """Append the rows that wait, and advance the heads of their rooms."""
    if not waiting:
        return
    events = [event for event, _ in waiting]
    bodies = [write_body(event.body) for event in events]
    db.execute(
        _INSERT,
        (
            [event.room for event in events],
            [event.seq for event in events],
            [event.at for event in events],
            [plain(event.author) for event in events],
            [plain(event.device) for event in events],
            [request for _, request in waiting],
            [BODY_KINDS[type(event.body)] for event in events],
            bodies,
        ),
    )
    heads = {event.room: event.seq for event in events}  # the last of each room
    sizes = dict.fromkeys(heads, 0)
    for event, body in zip(events, bodies, strict=True):
        sizes[event.room] += len(body)
    db.execute(_MOVE_HEADS, (list(heads), list(heads.values()), list(sizes.values())))
    waiting.clear()
