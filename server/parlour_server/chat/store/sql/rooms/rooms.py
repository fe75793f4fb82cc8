"""Rooms: the lists and look-ups that members, the directory and the chat need.

Everything here except the read marker follows from the logs; `room_creation.py` creates rooms. Private rooms
are visible only to their members.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from parlour_protocol.frames.bodies import Banned
from parlour_protocol.frames.replies import Ban, LogEvent, RoomListing, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import RoomKind
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.chat.consent.invitations import count_shown
from parlour_server.chat.store.sql.column_values import (
    GIVEN,
    ROLES,
    ROOM_KINDS,
    read_body,
    read_membership,
    room_name,
    topic_text,
)
from parlour_server.chat.store.sql.rooms.room_creation import make_room
from parlour_server.chat.store.sql.rooms.room_deletion import due_rooms, remove_batch
from parlour_server.chat.store.sql.rooms.summaries import read_summaries, read_summary
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.types import (
    AppendedEvent,
    AppendEvent,
    Greeting,
    MadeRoom,
    Membership,
    NewRoom,
    RoomFacts,
    RoomFactsForOperator,
)
from parlour_server.core.accounts.tables.authority import Authority, BySession, authorised
from parlour_server.core.accounts.tables.sessions import is_live
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.column_values import UNREADABLE, plain, user_name
from parlour_server.core.store.engine.connection import ANYWHERE, Connection, WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer

_FACTS: Final = """
    SELECT r.room, r.kind, r.name, r.topic, r.members, l.head, l.bytes, r.encrypted, r.archived"""
_MEMBERS: Final = """
    SELECT m.account, m.role, u.until, m.consent FROM members m LEFT JOIN mutes u USING (room, account)
    WHERE m.room = ?
"""


_BANS: Final = """
    SELECT b.account, b.until, e.author, e.at, e.body FROM bans b
    JOIN entries e ON e.log = b.room AND e.seq = b.seq
    WHERE b.room = ?1 AND b.account > ?2 AND (b.until = 0 OR b.until > ?3) ORDER BY b.account LIMIT ?4
"""
_PEOPLE: Final = """
    SELECT a.account,
        (SELECT m.role FROM members m JOIN rooms r USING (room)
            WHERE m.account = a.account AND r.name = ? AND r.kind = 'public'),
        (SELECT count(*) FROM devices d WHERE d.account = a.account AND d.status != 'revoked'),
        (SELECT max(d.last_seen) FROM devices d WHERE d.account = a.account)
    FROM accounts a
"""


def _appended(made: MadeRoom) -> tuple[str, AppendedEvent] | None:
    events = made.events
    return (made.room, AppendedEvent(events[0], also=tuple(events[1:]))) if events else None


class Rooms:
    """The rooms and their members: projections of their logs."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        clock: Clock,
        parts: StoreParts,
        log: StoredLog[AppendEvent, LogEvent, RoomFacts],
    ) -> None:
        """Use the store's writer and readers; ``clock`` ends sessions, ``parts`` are of capabilities."""
        self._log = log
        self._parts = parts
        columns = ", ".join([_FACTS, *(number.query for number in parts.room_numbers)])
        self._facts = f"{columns} FROM rooms r JOIN logs l ON l.log = r.room"
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def create(self, room: NewRoom) -> MadeRoom:
        """Create a room with its first events, or return the existing one.

        Raises NameTakenError when a room that the author can see (a public one, or one of theirs)
        has the name or one that looks like it, and for no other room; RefusedError(LIMIT_REACHED) for too
        many rooms.
        """
        kind = self._log.kind
        if room.session is None:
            return await self._log.run(lambda db: make_room(db, room, kind), _appended)
        by = BySession(room.author, room.session)
        made = authorised(self._clock, by, lambda db, _: make_room(db, room, kind))
        return await self._log.run(made, _appended)

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        """Return every room that the user is in and did not decline."""
        return await self._readers.run(partial(read_summaries, user=user))

    async def greeting(self, user: UserName, session: SessionId, now: Millis) -> Greeting | None:
        """Return the contents of a session's greeting; None if the session has ended."""

        def read(db: Connection) -> Greeting | None:
            # one call in a thread for everything: a restarted server greets everyone at once
            if not is_live(db, session, now):
                return None
            return Greeting(read_summaries(db, user), count_shown(db, user, now))

        return await self._readers.run(read)

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Return one room's summary; None if the user is not in it, or declined it."""
        return await self._readers.run(partial(read_summary, room=room, user=user))

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        """Return the user's membership; None if they are not a member, or declined."""

        def read(db: Connection) -> Membership | None:
            query = _MEMBERS + "AND m.account = ? AND m.consent != 'refused'"
            row = db.execute(query, (room, plain(user))).fetchone()
            return None if row is None else read_membership(user, *row[1:])

        return await self._readers.run(read)

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        """Return members in order of name, and whether more follow."""

        def read(db: Connection) -> tuple[list[Membership], bool]:
            query = _MEMBERS + "AND m.account > ? ORDER BY m.account LIMIT ?"
            rows = db.execute(query, (room, _after(after), limit + 1)).fetchall()
            found = [
                Membership(user_name(name), ROLES[role], until, will != GIVEN)
                for name, role, until, will in rows[:limit]
            ]
            return found, len(rows) > limit

        return await self._readers.run(read)

    async def bans(
        self, room: RoomId, *, after: UserName | None, at: Millis, limit: int
    ) -> tuple[Sequence[Ban], bool]:
        """Return the bans that are active at this time, in order of name, and whether more follow."""
        found = await self._readers.rows(_ban, _BANS, room, _after(after), at, limit + 1)
        return found[:limit], len(found) > limit

    async def pins(self, room: RoomId) -> Sequence[Seq]:
        """Return the pinned messages, in order of number."""
        return await self._readers.rows(Seq, "SELECT target FROM pins WHERE room = ? ORDER BY target", room)

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        """Return public rooms in order of name, and whether more follow."""
        found = await self._readers.rows(
            _listing,
            "SELECT room, name, members, topic, encrypted FROM rooms"
            " WHERE kind = 'public' AND archived = 0 AND name > ? ORDER BY name LIMIT ?",
            _after(after),
            limit + 1,
        )
        return found[:limit], len(found) > limit

    async def find_public(self, name: RoomName) -> RoomId | None:
        """Return the public room of this name."""
        query = "SELECT room FROM rooms WHERE name = ? AND kind = 'public'"
        return await self._readers.row(RoomId, query, plain(name))

    async def find_named(self, name: RoomName) -> Sequence[RoomId]:
        """Return all rooms with this name, public or private: only for the operator."""
        query = "SELECT room FROM rooms WHERE name = ? ORDER BY room"
        return await self._readers.rows(RoomId, query, plain(name))

    async def for_operator(self, *, private: bool) -> Sequence[RoomFactsForOperator]:
        """Return all public rooms, or all private ones, active and archived, in order of name and id."""
        kind = (RoomKind.PRIVATE if private else RoomKind.PUBLIC).value
        return await self._readers.rows(
            self._read_facts, f"{self._facts} WHERE r.kind = ? ORDER BY r.name, r.room", kind
        )

    async def people(self, room: RoomName) -> Mapping[UserName, Mapping[str, Any]]:
        """Return of each account its role in this public room, its devices, and when one was seen last."""
        rows = await self._readers.rows(lambda *row: row, _PEOPLE, plain(room))
        return {
            user_name(account): {"role": role, "devices": devices, "last_seen": seen}
            for account, role, devices, seen in rows
        }

    async def describe(self, room: RoomId) -> RoomFactsForOperator | None:
        """Return what the operator sees of a room, direct ones too; None if there is none."""

        def read(db: Connection) -> RoomFactsForOperator | None:
            query = f"{self._facts} WHERE r.kind != 'deleted' AND r.room = ?"
            row = db.execute(query, (room,)).fetchone()
            owners = "SELECT account FROM members WHERE room = ? AND role = 'owner' ORDER BY account"
            people = tuple(user_name(owner) for (owner,) in db.execute(owners, (room,)))
            return None if row is None else self._read_facts(*row, owners=people)

        return await self._readers.run(read)

    async def deleted(self, now: Millis) -> Sequence[RoomId]:
        """Return rooms that were deleted and have data that can be removed now."""
        return await self._readers.run(partial(due_rooms, now=now))

    async def remove_batch(self, room: RoomId) -> bool:
        """Remove a batch of a deleted room's data; False if no more can be removed now."""
        return await self._writer.submit(partial(remove_batch, room=room, parts=self._parts))

    async def mark_read(self, by: BySession, room: RoomId, seq: Seq) -> bool:
        """Set the user's read marker; False if the user is not in the room or ``seq`` does not exist yet."""

        def write(db: WriteConnection, authority: Authority) -> bool:
            marked = db.execute(
                "UPDATE members SET read = ?1 WHERE room = ?2 AND account = ?3"
                " AND ?1 <= (SELECT head FROM logs WHERE log = ?2)",
                (seq, room, plain(authority.user)),
            )
            return marked.rowcount == 1

        return await self._writer.submit(authorised(self._clock, by, write), within=ANYWHERE)

    def _read_facts(
        self,
        room: RoomId,
        kind: str,
        name: str | None,
        topic: str,
        members: int,
        head: Seq,
        size: int,
        encrypted: int,
        archived: int,
        *numbers: int,
        owners: tuple[UserName, ...] = (),
    ) -> RoomFactsForOperator:
        shown = zip(self._parts.room_numbers, numbers, strict=True)
        return RoomFactsForOperator(
            room=room,
            kind=ROOM_KINDS[kind],
            name=room_name(name),
            topic=topic_text(topic),
            members=members,
            events=head,
            bytes=size,
            encrypted=bool(encrypted),
            archived=bool(archived),
            owners=owners,
            numbers={column.name: (number, column.words.format(number)) for column, number in shown},
        )


def _after(name: str | None) -> str:
    """Return the name to continue after; all names come after the empty text."""
    return "" if name is None else plain(name)


def _ban(user: str, until: int, by: str, at: int, data: bytes) -> Ban:
    try:
        body = read_body(data)
    except UNREADABLE:  # who is banned is in the table, too
        body = None
    return Ban(
        user=user_name(user),
        by=user_name(by),
        at=Millis(at),
        until=Millis(until) if until else None,
        reason=body.reason if isinstance(body, Banned) else ReasonText(),
    )


def _listing(room: RoomId, name: str, members: int, topic: str, encrypted: int) -> RoomListing:
    return RoomListing(
        room=room,
        name=str.__new__(RoomName, name),
        members=members,
        topic=topic_text(topic),
        encrypted=bool(encrypted),
    )
