"""Rooms as logs: the facts for a decision about an event, and what one changes besides the log.

A room's log is there only if the room was created, and a deleted room's is there no longer. A plain message
costs one SELECT.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Blank,
    EncryptedMessage,
    Handshake,
    Joined,
    Kicked,
    MembershipChange,
    Message,
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
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.app.log.kind import Base, LogKind, Row
from parlour_server.chat.consent.invitations import accepted_admission, count_rooms, is_undone, say_yes
from parlour_server.chat.delivery.tables.group_facts import group_facts_together
from parlour_server.chat.delivery.tables.welcome_rows import keep_welcome
from parlour_server.chat.store.sql.column_values import (
    BODY_KINDS,
    EXPIRED,
    ROOM_KINDS,
    read_event,
    read_event_if_possible,
    read_membership,
    write_body,
)
from parlour_server.chat.store.sql.rooms.event_effects import apply_effect
from parlour_server.chat.store.sql.rooms.event_facts import facts_of_body
from parlour_server.chat.store.sql.rooms.member_rows import count_members, next_owner
from parlour_server.chat.store.sql.rooms.summaries import read_summary
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.types import AppendEvent, RoomFacts
from parlour_server.chat.system_account import system_account, system_device
from parlour_server.core.output import warn
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, MustBeAloneError, WriteConnection

_NO_ROOM = RoomFacts(None, None)


class RoomLogKind(LogKind[AppendEvent, LogEvent, RoomFacts]):
    """Rooms, with what the chat's capabilities do in their transactions."""

    called: ClassVar[str] = "room"
    columns: ClassVar[str] = (
        ", r.kind, r.encrypted, m.role, m.consent, u.until, b.until, r.archived, p.deleted"
    )
    joins: ClassVar[str] = """
        LEFT JOIN rooms r ON r.room = l.log AND r.kind != 'deleted'
        LEFT JOIN members m ON m.room = {log} AND m.account = {author} AND m.consent != 'refused'
        LEFT JOIN mutes u ON u.room = {log} AND u.account = {author}
        LEFT JOIN bans b ON b.room = {log} AND b.account = {author}
        LEFT JOIN accounts p ON p.account = CASE WHEN r.low = {author} THEN r.high ELSE r.low END
    """

    def __init__(self, parts: StoreParts) -> None:
        self._parts = parts

    def log_of(self, append: AppendEvent) -> str:  # noqa: D102
        return append.room

    def entry(self, append: AppendEvent, seq: Seq) -> LogEvent:  # noqa: D102
        return _numbered(append, seq, append.body)

    def read(self, log: str, row: Row) -> LogEvent:  # noqa: D102
        return read_event(RoomId(log), row)

    def unreadable(self, log: str, seq: Seq, at: Millis, row: Row | None) -> LogEvent:
        """Return ``Unreadable`` in its place; what is not known is by the system account."""
        if row is not None:
            return read_event_if_possible(RoomId(log), row)
        room, author, device = RoomId(log), system_account(), system_device()
        return LogEvent(room=room, seq=seq, at=at, author=author, device=device, body=Unreadable())

    def warn_unreadable(self, log: str, seq: Seq) -> None:  # noqa: D102
        warn(
            "event_unreadable",
            room=log,
            seq=seq,
            consequence="members see that it can't be read",
            do="run `parlour-server doctor`; restore a backup from before the damage",
        )

    def columns_of(self, entry: LogEvent) -> tuple[str | None, str, Seq | None, bytes]:  # noqa: D102
        body = entry.body
        target = target_of(body) if body.rules.deleted_with_target else None
        return plain(entry.device), BODY_KINDS[type(body)], target, write_body(body)

    def repeated(self, append: AppendEvent, log: str, row: Row) -> LogEvent | None:  # noqa: D102
        earlier = read_event_if_possible(RoomId(log), row)
        return earlier if log == append.room and _is_same(earlier, append) else None

    def facts(self, append: AppendEvent, base: Base, row: Row, beside: Any) -> RoomFacts:  # noqa: D102
        kind, encrypted, role, consent, muted_until, banned_until, archived, peer_deleted = row
        if kind is None:
            return _NO_ROOM
        return RoomFacts(
            ROOM_KINDS[kind],
            read_membership(append.author, role, muted_until, consent),
            banned_until,
            encrypted=bool(encrypted),
            archived=bool(archived),
            peer_deleted=peer_deleted is not None,
            group=beside,
            room_bytes=base.size,
        )

    def exists(self, base: Base, facts: RoomFacts) -> bool:  # noqa: D102
        del base
        return facts.kind is not None

    def more(self, db: Connection, append: AppendEvent, facts: RoomFacts) -> RoomFacts:  # noqa: D102
        body = append.body
        plain_message = type(body) is Message and body.reply_to is None
        more = {} if plain_message else facts_of_body(db, append)
        if facts.author is not None and facts.author.asked:
            more["author_rooms"] = count_rooms(db, append.author)
        return replace(facts, **more) if more else facts

    def beside(self, db: Connection, appends: Sequence[AppendEvent]) -> Sequence[Any]:  # noqa: D102
        return group_facts_together(db, appends)

    def is_plain(self, append: AppendEvent) -> bool:  # noqa: D102
        body = append.body
        if isinstance(body, EncryptedMessage):
            return body.blanks is None
        return isinstance(body, Message) and body.reply_to is None and not is_optional(body)

    def stays_plain(self, facts: RoomFacts) -> bool:
        """Return whether its author has accepted the room, or is no member."""
        return facts.author is None or not facts.author.asked

    def is_within(self, append: AppendEvent) -> bool:  # noqa: D102
        return append.body.rules.within_room

    def apply(
        self, db: WriteConnection, append: AppendEvent, facts: RoomFacts, entry: LogEvent
    ) -> tuple[LogEvent, Sequence[LogEvent]]:
        """Apply the event and what follows from it at once; writing accepts the room."""
        if is_optional(append.body):
            self._parts.of(append.body).check(db, append)
        stored = self._with_effect(db, entry)
        if facts.author is not None and facts.author.asked and append.body.rules.is_message:
            if not db.alone:
                raise MustBeAloneError  # the number of someone's rooms is limited
            say_yes(db, append.room, append.author)
        if isinstance(append.body, Handshake) and append.attached is not None:
            keep_welcome(db, stored, append.body, append.attached)
        return stored, () if append.body.rules.within_room else self._also(db, stored)

    def answer(self, db: Connection, append: AppendEvent) -> RoomSummary | None:
        """Return the room for someone who joins; None if the membership has ended since the first time."""
        return read_summary(db, append.room, append.author) if isinstance(append.body, Joined) else None

    def concerns(self, entry: LogEvent) -> UserName | None:  # noqa: D102
        return concerned(entry.body, entry.author)

    def _also(self, db: WriteConnection, cause: LogEvent) -> tuple[LogEvent, ...]:
        """Return what follows from an event at once; the author is the person who caused it.

        Someone becomes owner if the room has none. Someone who had just accepted an invitation that is
        withdrawn is removed, as the other members' devices do: otherwise no commit could remove their
        devices.
        """
        if isinstance(cause.body, Uninvited) and is_undone(db, cause):
            removal = Kicked(who=cause.body.who, statement=cause.body.statement)
            return (self._with_effect(db, _numbered(cause, Seq(cause.seq + 1), removal)),)
        who = next_owner(db, cause.room)
        if who is None:
            return ()
        event = _numbered(cause, Seq(cause.seq + 1), RoleSet(who=who, role=Role.OWNER))
        return (self._with_effect(db, event),)

    def _with_effect(self, db: WriteConnection, event: LogEvent) -> LogEvent:
        """Apply the event; return it as it is stored, with the number of members after it.

        Accepting an invitation adds the admission that was signed for it.
        """
        if isinstance(event.body, Joined) and event.body.acceptance is not None:
            signed = accepted_admission(db, event, event.body)
            event = _numbered(event, event.seq, replace(event.body, statement=signed))
        if is_optional(event.body):
            event = _numbered(event, event.seq, self._parts.of(event.body).apply(db, event))
        apply_effect(db, event, self._parts)
        if isinstance(event.body, MembershipChange):
            event = _numbered(event, event.seq, replace(event.body, members=count_members(db, event.room)))
        return event


def _is_same(earlier: LogEvent, event: AppendEvent) -> bool:
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


def _numbered(like: AppendEvent | LogEvent, seq: Seq, body: AnyBody) -> LogEvent:
    """Return an event of the same room, time and author, with its number."""
    return LogEvent(room=like.room, seq=seq, at=like.at, author=like.author, device=like.device, body=body)
