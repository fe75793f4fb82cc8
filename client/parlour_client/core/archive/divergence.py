"""Where a server's history diverged from the local one: the numbering of each room, and the lost events.

A rollback deletes nothing here. Events that the server no longer has keep their numbers, a row at ``fork``
says so, and new events come after it. Functions over a connection; ``receive.rollback`` finds out where
histories diverge and calls them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import apsw

from parlour_client.core.archive import insertion, outbox_table
from parlour_client.core.archive.insertion import Annotation, Applied
from parlour_client.core.archive.known_rooms import numberings, save_numbering
from parlour_client.core.archive.rows import is_row
from parlour_client.core.archive.stored_values import set_setting, setting
from parlour_client.core.model import SYSTEM_ACCOUNT, Note, NoteKind
from parlour_client.core.room_log.missing import DEVICE
from parlour_client.core.room_log.numbering import PLAIN, Numbering
from parlour_client.core.room_log.translation import event_here
from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.frames import AnyBody, AnyRequest, LogEvent, decode_body, decode_request, encode_body
from parlour_protocol.frames.bodies import (
    Blank,
    EncryptedMessage,
    Invited,
    MembershipChange,
    Message,
    Muted,
    Unbanned,
    Uninvited,
    Unmuted,
    Unreadable,
    subject_of,
)
from parlour_protocol.frames.requests import RoomRequest, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import PSEUDONYM, DeviceName, UserName, is_pseudonym

INCARNATION: Final = "incarnation"
"""The setting with the incarnation of the server's logs that this archive last saw."""
_OF_MEMBERSHIP: Final = MembershipChange | Invited | Uninvited | Unbanned | Muted | Unmuted
"""Bodies of which the server writes a part; all others are the same to the last byte."""


# what is known
@dataclass(frozen=True, slots=True)
class Known:
    """A room as this archive knows it."""

    top: Seq
    """The highest local number about which something is known."""
    forgotten: Seq
    """Up to here the person deleted messages on this device: they can't be compared."""
    incarnation: str | None
    """Of the logs that its numbers were last compared with; None: from before there were incarnations."""
    numbers: Numbering
    encrypted: bool = False
    """Then its events are processed one by one, and none is skipped."""
    claimed: int = 0
    """The highest local number that the server has claimed; its event may not be fetched yet."""


def known(connection: apsw.Connection) -> dict[RoomId, Known]:
    """Return what is known of each room."""
    query = """
        SELECT id, incarnation, max(
            coalesce((SELECT max(seq) FROM events WHERE room = rooms.id), 0),
            coalesce((SELECT max(seq) FROM outbox WHERE room = rooms.id AND state = 'stored'), 0),
            coalesce((SELECT cursor FROM mls_rooms WHERE room = rooms.id), 0), top, forgotten), forgotten,
            EXISTS (SELECT 1 FROM mls_rooms WHERE room = rooms.id), json_extract(summary, '$.head')
        FROM rooms"""
    rows = cast("list[tuple[str, str | None, int, int, int, int]]", list(connection.execute(query)))
    forked = numberings(connection)
    return {
        RoomId(room): Known(
            Seq(top),
            Seq(forgotten),
            incarnation,
            forked.get(RoomId(room), PLAIN),
            bool(encrypted),
            claimed,
        )
        for room, incarnation, top, forgotten, encrypted, claimed in rows
    }


def met(connection: apsw.Connection, incarnation: str, rooms: Sequence[RoomId]) -> None:
    """Note that these rooms were compared with the logs of this incarnation."""
    if setting(connection, INCARNATION) != incarnation:
        set_setting(connection, INCARNATION, incarnation)
    for room in rooms:
        connection.execute(
            "UPDATE rooms SET incarnation = ? WHERE id = ? AND incarnation IS NOT ?",
            (incarnation, room, incarnation),
        )


def claims(connection: apsw.Connection, heads: Mapping[RoomId, Seq]) -> None:
    """Note that the server now claims less of rooms than before."""
    for room, head in heads.items():
        query = "UPDATE rooms SET summary = json_set(summary, '$.head', ?) WHERE id = ?"
        connection.execute(query, (head, room))


def numbers_here(connection: apsw.Connection, room: RoomId, known: Known, head: Seq) -> list[Seq]:
    """Return which of the server's numbers up to ``head`` can be compared, in order."""
    query = """
        SELECT seq FROM events WHERE room = ?1 AND seq NOT IN (SELECT last FROM missing WHERE room = ?1)
        UNION SELECT seq FROM outbox WHERE room = ?1 AND state = 'stored' AND seq IS NOT NULL ORDER BY seq"""
    there = (known.numbers.to_server(Seq(int(str(seq)))) for (seq,) in connection.execute(query, (room,)))
    return [number for number in there if number is not None and number <= head]


def has_younger(connection: apsw.Connection, room: RoomId, last: Seq, than: Millis) -> bool:
    """Say whether an event up to ``last`` is here that is younger than a time."""
    query = """
        SELECT 1 FROM events WHERE room = ?1 AND seq <= ?2 AND at > ?3
            AND seq NOT IN (SELECT last FROM missing WHERE room = ?1)
        UNION ALL
        SELECT 1 FROM outbox WHERE room = ?1 AND seq <= ?2 AND at > ?3 AND state = 'stored' LIMIT 1"""
    return connection.execute(query, (room, last, than)).fetchone() is not None


def alike(connection: apsw.Connection, events: Sequence[LogEvent], me: UserName) -> list[bool | None]:
    """Say of each event, in our numbers, whether it is the one that is here; None: there is none."""
    return [_alike(connection, event, me) for event in events]


def doubt(connection: apsw.Connection, event: LogEvent, me: UserName) -> bool:
    """Have a room compared at the next greeting, if an event is not the one that is here; say so."""
    differs = _alike(connection, event, me) is False
    if differs:
        connection.execute("UPDATE rooms SET incarnation = '' WHERE id = ?", (event.room,))
    return differs


def is_other(connection: apsw.Connection, room: RoomId) -> bool:
    """Say whether a room was last compared with logs of another incarnation."""
    query = """
        SELECT 1 FROM rooms WHERE id = ?
            AND incarnation != (SELECT value FROM settings WHERE name = 'incarnation')"""
    return connection.execute(query, (room,)).fetchone() is not None


def _alike(connection: apsw.Connection, event: LogEvent, me: UserName) -> bool | None:
    if isinstance(event.body, Unreadable):
        return None  # the server's storage is damaged there: the event's content is unknown
    if list(connection.execute("SELECT 1 FROM missing WHERE room = ? AND last = ?", (event.room, event.seq))):
        return None  # a row that says that it is withheld
    query = """
        SELECT at, author, device, body, sealed OR trouble != '' OR note IS NOT NULL, digest FROM events
        WHERE room = ? AND seq = ?"""
    for row in connection.execute(query, (event.room, event.seq)):
        at, author, device, body, opened, digest = cast("tuple[int, str, str, str, int, bytes | None]", row)
        when = at if digest is None else event.at  # ciphertexts are never the same twice, whatever their time
        renamed = is_pseudonym(event.author) or author.startswith(PSEUDONYM)  # the account was deleted since
        if when != event.at or not (renamed or (author, device) == (event.author, event.device)):
            return False
        return _same_body(decode_body(body), event.body, digest, opened=bool(opened))
    query = "SELECT request, frame FROM outbox WHERE room = ? AND seq = ? AND state = 'stored'"
    for request, frame in cast(
        "list[tuple[str, str]]", list(connection.execute(query, (event.room, event.seq)))
    ):
        return event.author == me and _is_sent(
            connection, request, decode_request(frame.encode()), event.body
        )
    return None


def _is_sent(connection: apsw.Connection, request: str, frame: AnyRequest, body: AnyBody) -> bool:
    """Say whether an event is the result of a request of ours."""
    match body:
        case EncryptedMessage():
            query = "SELECT 1 FROM mls_ciphertexts WHERE digest = ? AND request = ?"
            found = connection.execute(query, (hashlib.sha256(body.data).digest(), request))
            return any(True for _ in found)
        case Message():
            return isinstance(frame, Send) and body.text == frame.text
        case _:
            return not isinstance(frame, Send)


def _same_body(here: AnyBody, there: AnyBody, digest: bytes | None, *, opened: bool) -> bool:
    """Compare two bodies of one time and author. Deletion on one side makes no difference."""
    if isinstance(here, Blank) or isinstance(there, Blank | Unreadable):
        return True
    theirs = insertion.wire_digest(there)
    if digest is not None:
        return theirs == digest
    if theirs is not None:
        return opened or type(here) is type(there)
    if not opened and not isinstance(there, _OF_MEMBERSHIP):
        return encode_body(here) == encode_body(there)
    return type(here) is type(there) and subject_of(here) == subject_of(there)


# a fork
@dataclass(frozen=True, slots=True)
class Divergence:
    """The result of a rollback in one room."""

    room: RoomId
    numbers: Numbering
    shared: Seq
    """The last local number that the server has as well."""
    top: Seq
    """The local number of the row that says so: the events between are lost."""
    messages: int
    """Messages that exist only here."""
    applied: Sequence[Applied]


def words(messages: int) -> str:
    """Say what happened, for the row and wherever else it is shown."""
    notice = _(
        "The server's history is older than this device's: it was restored from a backup or rolled back."
    )
    if not messages:
        return notice
    only = ngettext(
        "1 message above exists only on this device.",
        "{messages} messages above exist only on this device.",
        messages,
    ).format(messages=messages)
    return f"{notice} {only}"


BACK: Final = N_("The server showed an older history for a while. It has the messages above again.")


@dataclass(frozen=True, slots=True)
class Returned:
    """Lost events that the server has again: a run of them, from ``local`` on."""

    shared: Seq
    """The server's number in front of them."""
    local: Seq
    count: int


def may_return(known: Known, head: Seq) -> bool:
    """Say whether lost events may be the server's again: nothing of its other history is here."""
    last = known.numbers.pieces[-1]
    is_open = not known.encrypted and not known.numbers.is_plain
    return is_open and last.local > known.top and head >= last.server


def returning(
    connection: apsw.Connection,
    events: Sequence[LogEvent],
    shared: Seq,
    known: Known,
    so_far: Returned | None,
    me: UserName,
) -> Returned | None:
    """Return which lost events follow the server's number ``shared``; None: none of them.

    ``so_far``: the result for the events before these.
    """
    starts = [so_far.local] if so_far is not None else _starts(connection, events, shared, known)
    best = so_far
    for local in starts:
        numbers = known.numbers.resumed(shared, local)
        count = 0
        for event in events:
            same = _alike(connection, event_here(event, numbers), me)
            if same is False:
                break
            if same:
                count = event.seq - shared
        if count > (0 if best is None else best.count):
            best = Returned(shared, local, count)
    return best


def _starts(connection: apsw.Connection, events: Sequence[LogEvent], shared: Seq, known: Known) -> list[Seq]:
    """Return where lost events may begin that follow ``shared``."""
    low = known.numbers.to_local(shared)
    query = """
        SELECT seq FROM events WHERE room = ? AND seq > ? AND at = ? AND author = ? AND device = ?
        ORDER BY seq"""
    for event in events:
        values = (event.room, low, event.at, str(event.author), str(event.device))
        found = [int(str(seq)) - (event.seq - shared - 1) for (seq,) in connection.execute(query, values)]
        if starts := [Seq(seq) for seq in found if seq > low]:
            return starts
    return []


def take_back(connection: apsw.Connection, room: RoomId, numbers: Numbering, returned: Returned) -> Numbering:
    """Mark lost events as the server's again, and correct the row that says that they are lost."""
    last = returned.local + returned.count - 1
    shared, top = returned.shared, numbers.head(returned.shared)
    beyond = numbers.resumed(shared, returned.local).forked(Seq(shared + returned.count), top)
    save_numbering(connection, room, beyond)
    query = """
        SELECT min(seq) FROM events
        WHERE room = ? AND seq > ? AND json_extract(note, '$.kind') = ? AND author = ?"""
    values = (room, last, NoteKind.ROLLED_BACK.value, str(SYSTEM_ACCOUNT))
    for (row,) in list(connection.execute(query, values)):
        if row is None:
            continue
        count = "SELECT count(*) FROM events WHERE room = ? AND seq > ? AND seq < ? AND kind = 'message'"
        left = next(int(str(counted)) for (counted,) in connection.execute(count, (room, last, row)))
        note = Note(NoteKind.ROLLED_BACK, None, words(left) if left else BACK)
        insertion.correct(connection, room, Seq(int(str(row))), note)
    return beyond


def diverge(
    connection: apsw.Connection,
    room: RoomId,
    shared: Seq,
    known: Known,
    now: Millis,
    me: tuple[UserName, DeviceName],
    names_me: Callable[[AnyBody], bool],
) -> Divergence | None:
    """Keep the events that the server lost, and number the next ones above them; None: nothing here was lost.

    ``shared`` is the server's last number that has the same event on both sides.
    """
    last = known.numbers.head(shared)  # events lost in an earlier rollback are not lost again
    if known.top <= last:
        return None
    kept = _keep_sent(connection, room, last, me, names_me)
    query = """
        SELECT coalesce(sum(kind = 'message'), 0), coalesce(max(seq), 0) FROM events
        WHERE room = ? AND seq > ?"""
    messages, top = next(iter(cast("Iterable[tuple[int, int]]", connection.execute(query, (room, last)))))
    notice = Seq(max(top, known.top) + 1)
    numbers = known.numbers.forked(shared, notice)
    save_numbering(connection, room, numbers)
    event = LogEvent(
        room=room, seq=notice, at=now, author=SYSTEM_ACCOUNT, device=DEVICE, body=Blank(was="message")
    )
    mark = Annotation(row=True, note=Note(NoteKind.ROLLED_BACK, None, words(messages)))
    applied = [*kept, *insertion.add(connection, [event], [False], notice, [mark])]
    return Divergence(room, numbers, last, notice, messages, applied)


def _keep_sent(
    connection: apsw.Connection,
    room: RoomId,
    last: Seq,
    me: tuple[UserName, DeviceName],
    names_me: Callable[[AnyBody], bool],
) -> list[Applied]:
    """Keep messages of ours that the server had stored at lost numbers, and whose events never arrived."""
    applied: list[Applied] = []
    encrypted = any(True for _ in connection.execute("SELECT 1 FROM mls_rooms WHERE room = ?", (room,)))
    for row in outbox_table.load(connection):
        frame = row.frame
        if row.state != "stored" or row.seq is None or row.seq <= last or not isinstance(frame, RoomRequest):
            continue
        if frame.room != room:
            continue
        if isinstance(frame, Send):
            body = Message(text=frame.text, reply_to=frame.reply_to, file=frame.file)
            event = LogEvent(room=room, seq=row.seq, at=row.at, author=me[0], device=me[1], body=body)
            mark = Annotation(is_row(body), sealed=encrypted)
            applied += insertion.add(connection, [event], [names_me(body)], row.seq, [mark])
        outbox_table.remove(connection, frame.id)
    return applied
