"""Creates rooms: a named one with its owner, or the direct room of two people, or of one for notes.

A repeated request creates a room once: requests are matched by id, direct rooms by their pair. Refusals come
before any change.
"""

from collections.abc import Sequence
from typing import Any

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Created, TopicSet
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName, skeleton
from parlour_protocol.limits import ROOMS_PER_USER
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.app.log.append import find_earlier, insert
from parlour_server.app.log.kind import LogKind
from parlour_server.chat.consent.invitations import (
    count_rooms,
    has_blocked,
    hide_oldest_request,
    say_yes,
)
from parlour_server.chat.store.sql.column_values import ASKED, REFUSED, read_event_if_possible
from parlour_server.chat.store.sql.journal_entries import note_consent
from parlour_server.chat.store.sql.rooms.member_rows import enter
from parlour_server.chat.store.sql.rooms.room_names import refuse_taken
from parlour_server.chat.store.sql.rooms.summaries import read_summary
from parlour_server.chat.store.types import MadeRoom, NewRoom
from parlour_server.core.accounts.tables.accounts import account_exists
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection


def make_room(db: WriteConnection, room: NewRoom, kind: LogKind[Any, LogEvent, Any]) -> MadeRoom:
    """Create a room with its first events, or return the existing one."""
    found, events = _make(db, room, kind)
    return MadeRoom(found, events, read_summary(db, found, room.author))


def _make(
    db: WriteConnection, room: NewRoom, kind: LogKind[Any, LogEvent, Any]
) -> tuple[RoomId, Sequence[LogEvent]]:
    existing = _made_before(db, room)
    if existing is not None:
        say_yes(db, existing, room.author)  # to a direct room that the other person opened
        note_consent(db, room.at, existing, room.author)
        return existing, ()
    if count_rooms(db, room.author) >= ROOMS_PER_USER.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "too many rooms: leave one first")
    _insert_room(db, room)
    enter(db, room.room, room.author, Role.OWNER, since=Seq(1), read=0)
    if room.peer is not None and room.peer != room.author:
        # a member, so that both have its keys; it counts as theirs only after they accept
        will = REFUSED if has_blocked(db, room.peer, room.author) else ASKED
        enter(db, room.room, room.peer, Role.OWNER, since=Seq(1), read=0, will=will)
    events = _first_events(room)
    for event in events:
        # one request, one event: only the first carries it
        insert(db, kind, room.room, event, room.request if event is events[0] else None)
    db.execute(
        "UPDATE members SET read = ? WHERE room = ? AND account = ?",
        (events[-1].seq, room.room, plain(room.author)),
    )
    if room.peer is not None:
        hide_oldest_request(db, room.peer)
        note_consent(db, room.at, room.room, room.peer)  # the event does not name them
    return room.room, events


def _made_before(db: WriteConnection, room: NewRoom) -> RoomId | None:
    """Return the existing room of this request or pair of people; refuse a taken name."""
    found = find_earlier(db, room.author, room.room, room.request)
    earlier = None if found is None else read_event_if_possible(RoomId(found[0]), found[1])
    if earlier is not None and not _is_same(db, earlier, room):
        raise RefusedError(ErrorCode.CONFLICT, "this request id was used for something else")
    if earlier is not None:
        return earlier.room
    if room.kind is RoomKind.DIRECT:
        return _find_direct(db, room)
    if room.name is not None:
        refuse_taken(db, room.name, room.author)
    return None


def _is_same(db: WriteConnection, earlier: LogEvent, room: NewRoom) -> bool:
    if earlier.body != _created(room):
        return False
    return room.kind is not RoomKind.DIRECT or _find_direct(db, room) == earlier.room


def _created(room: NewRoom) -> Created:
    return Created(room_kind=room.kind, name=room.name, encrypted=room.encrypted, suite=room.suite)


def _find_direct(db: WriteConnection, room: NewRoom) -> RoomId | None:
    low, high = _pair(room)
    row = db.execute("SELECT room FROM rooms WHERE low = ? AND high = ?", (low, high)).fetchone()
    if row is not None:
        return RoomId(row[0])
    if room.peer is None or not account_exists(db, room.peer):
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
    return None


def _pair(room: NewRoom) -> tuple[str | None, str | None]:
    """Return the two people of a direct room, sorted."""
    if room.peer is None:
        return None, None
    people: list[UserName] = sorted((room.author, room.peer), key=lambda name: plain(name).encode())
    return plain(people[0]), plain(people[1])


def _insert_room(db: WriteConnection, room: NewRoom) -> None:
    db.execute("INSERT INTO logs (log, head, bytes) VALUES (?, 0, 0)", (room.room,))
    db.execute(
        "INSERT INTO rooms (room, kind, name, skeleton, low, high, topic, members, encrypted, suite)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        (
            room.room,
            room.kind.value,
            room.name and plain(room.name),
            room.name and skeleton(room.name),
            *_pair(room),
            plain(room.topic),
            int(room.encrypted),
            room.suite.value,
        ),
    )


def _first_events(room: NewRoom) -> list[LogEvent]:
    bodies: list[AnyBody] = [_created(room)]
    if room.topic:
        bodies.append(TopicSet(topic=room.topic))
    return [
        LogEvent(room=room.room, seq=Seq(seq), at=room.at, author=room.author, device=room.device, body=body)
        for seq, body in enumerate(bodies, start=1)
    ]
