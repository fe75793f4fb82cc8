"""Appends an event to a room's log, with the check of its author's permissions and its effects.

An append is one transaction, and refusals come before any change. Events are never ordered by time: setting
the clock back changes timestamps, not the order.
"""

from typing import Final

from msgspec.structs import replace

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Blank,
    EncryptedMessage,
    Handshake,
    Joined,
    Kicked,
    MembershipChange,
    Muted,
    RetentionSet,
    RoleSet,
    Uninvited,
    Unreadable,
    concerned,
    is_optional,
    target_of,
)
from parlour_protocol.frames.replies import LogEvent, RoomSummary
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.chat.store.sql.column_values import (
    ASKED,
    BODY_KINDS,
    EVENT_COLUMNS,
    EXPIRED,
    read_event_if_possible,
    write_body,
)
from parlour_server.chat.store.sql.e2ee.welcome_rows import keep_welcome
from parlour_server.chat.store.sql.journal_entries import note_room_advanced
from parlour_server.chat.store.sql.rooms.consent import accepted_admission, is_undone, say_yes
from parlour_server.chat.store.sql.rooms.event_effects import apply_effect
from parlour_server.chat.store.sql.rooms.event_facts import read_facts, read_room_facts
from parlour_server.chat.store.sql.rooms.member_rows import count_members, next_owner
from parlour_server.chat.store.sql.rooms.summaries import read_summary
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.types import Appended, AppendEvent, Decide, Facts
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, MustBeAloneError, WriteConnection

_MOVE_HEAD: Final = "UPDATE logs SET head = ?, bytes = bytes + ? WHERE log = ?"
_INSERT: Final = (
    "INSERT INTO entries (log, seq, at, author, device, request, kind, target, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BY_REQUEST: Final = f"SELECT log, {EVENT_COLUMNS} FROM entries WHERE author = ? AND request = ?"  # noqa: S608 - columns of ours


def insert_event(db: WriteConnection, event: LogEvent, request: RequestId | None) -> None:
    """Append an event with the number after the room's head, advance the head, and announce it.

    ``request`` is None for an event that the store adds itself.
    """
    body = event.body
    target = target_of(body) if body.rules.deleted_with_target else None
    written = write_body(body)
    db.execute(_MOVE_HEAD, (event.seq, len(written), event.room))
    db.execute(
        _INSERT,
        (
            event.room,
            event.seq,
            event.at,
            plain(event.author),
            plain(event.device),
            request,
            BODY_KINDS[type(body)],
            target,
            written,
        ),
    )
    if db.announces:
        note_room_advanced(db, event.at, event.room, event.seq)
    elif db.is_shared and (who := concerned(body, event.author)) is not None:
        note_room_advanced(db, event.at, event.room, event.seq, who)


def find_request(db: Connection, author: UserName, request: RequestId) -> LogEvent | None:
    """Return the event that this request of this author already appended."""
    row = db.execute(_BY_REQUEST, (plain(author), request)).fetchone()
    return None if row is None else read_event_if_possible(row[0], row[1:])


def is_same(earlier: LogEvent, event: AppendEvent) -> bool:
    """Return whether a repeated request is the same as the first.

    Of a deleted event only the kind is left to compare. A duration ends later in a repetition, by the time in
    between. An encrypted message is encrypted again for another epoch, so only its id shows that it is the
    same.
    """
    before, body = earlier.body, event.body
    if isinstance(before, Unreadable):
        return True  # nothing left to compare, and a second message would be worse than a wrong answer
    if isinstance(before, Blank):
        return before.was in {EXPIRED, BODY_KINDS[type(body)]}
    if isinstance(body, EncryptedMessage) and isinstance(before, EncryptedMessage):
        return before.blanks == body.blanks
    if isinstance(body, Banned | Muted) and isinstance(before, type(body)) and body.until and before.until:
        body = replace(body, until=Millis(body.until - event.at + earlier.at))
    if isinstance(before, RetentionSet) and isinstance(body, RetentionSet):
        return True  # the store wrote what applies, and from when on
    if isinstance(before, MembershipChange):
        before = replace(before, members=None)  # the store wrote it
    if isinstance(before, Joined) and isinstance(body, Joined):
        return True  # the store may have chosen the statement
    return before == body


def append(
    db: WriteConnection, event: AppendEvent, decide: Decide, now: Millis, parts: StoreParts
) -> Appended:
    """Append an event, if ``decide`` allows it, with its effects.

    ``now`` is by the clock that ends sessions. Raises SessionRefusedError: the author's has ended, perhaps
    while the request waited (S1).
    """
    room_facts = read_room_facts(db, event, now)
    if room_facts is not None and not room_facts.is_live:
        raise SessionRefusedError
    if room_facts is None or room_facts.repeats is not None:
        earlier = _replay(db, event)
        if earlier is not None:
            return earlier
    if room_facts is None:
        decide(event, Facts(None, None))
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room")
    decide(event, read_facts(db, event, room_facts))
    if is_optional(event.body):
        parts.of(event.body).check(db, event)
    stored = numbered(event, Seq(room_facts.head + 1), event.body)
    stored = _append_with_effect(db, stored, event.request, parts)
    if room_facts.consent == ASKED and event.body.rules.is_message:
        if not db.alone:
            raise MustBeAloneError  # the number of someone's rooms is limited
        say_yes(db, event.room, event.author)  # writing accepts the room
    if isinstance(event.body, Handshake) and event.attached is not None:
        keep_welcome(db, stored, event.body, event.attached)
    also = () if event.body.rules.within_room else _also(db, stored, parts)
    return Appended(stored, also=also, entered=_entered(db, event))


def _entered(db: WriteConnection, event: AppendEvent) -> RoomSummary | None:
    """Return the room for someone who joins: in this transaction, so that the answer can't fail after it."""
    return read_summary(db, event.room, event.author) if isinstance(event.body, Joined) else None


def _replay(db: WriteConnection, event: AppendEvent) -> Appended | None:
    """Return what this request already appended. Raises RefusedError if that was something else."""
    earlier = find_request(db, event.author, event.request)
    if earlier is None:
        return None
    if earlier.room != event.room or not is_same(earlier, event):
        raise RefusedError(ErrorCode.CONFLICT, "this request id was used for something else")
    return Appended(earlier, replay=True, entered=_entered(db, event))


def numbered(like: AppendEvent | LogEvent, seq: Seq, body: AnyBody) -> LogEvent:
    """Return an event of the same room, time and author, with its number."""
    return LogEvent(room=like.room, seq=seq, at=like.at, author=like.author, device=like.device, body=body)


def _also(db: WriteConnection, cause: LogEvent, parts: StoreParts) -> tuple[LogEvent, ...]:
    """Return what follows from an event at once; the author is the person who caused it.

    Someone becomes owner if the room has none. Someone who had just accepted an invitation that is withdrawn
    is removed, as the other members' devices do: otherwise no commit could remove their devices.
    """
    if isinstance(cause.body, Uninvited) and is_undone(db, cause):
        removal = Kicked(who=cause.body.who, statement=cause.body.statement)
        return (_append_with_effect(db, numbered(cause, Seq(cause.seq + 1), removal), None, parts),)
    who = next_owner(db, cause.room)
    if who is None:
        return ()
    event = numbered(cause, Seq(cause.seq + 1), RoleSet(who=who, role=Role.OWNER))
    return (_append_with_effect(db, event, None, parts),)


def _append_with_effect(
    db: WriteConnection, event: LogEvent, request: RequestId | None, parts: StoreParts
) -> LogEvent:
    """Apply the event and append it; return it as stored, with the number of members after it.

    Accepting an invitation adds the admission that was signed for it.
    """
    if isinstance(event.body, Joined) and event.body.acceptance is not None:
        signed = accepted_admission(db, event, event.body)
        event = numbered(event, event.seq, replace(event.body, statement=signed))
    if is_optional(event.body):
        event = numbered(event, event.seq, parts.of(event.body).apply(db, event))
    apply_effect(db, event, parts)
    if isinstance(event.body, MembershipChange):
        event = numbered(event, event.seq, replace(event.body, members=count_members(db, event.room)))
    insert_event(db, event, request)
    return event
