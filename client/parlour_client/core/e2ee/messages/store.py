"""Stores the events of an encrypted room: decrypted by the group service and written in one transaction.

So a ratchet step and its message are both on disk, or neither is. The group service never sees a gap: events
after one are left for the next fetch. Functions over a connection, run on the archive's thread.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import apsw

from parlour_client.core.archive import events, history_parts, insertion, outbox_table
from parlour_client.core.archive.divergence import wire_digest
from parlour_client.core.archive.history_parts import Part
from parlour_client.core.archive.insertion import Annotation, Applied, NewEvent
from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee.groups.group_errors import JoinRefusedError
from parlour_client.core.e2ee.groups.group_service import GroupService
from parlour_client.core.e2ee.groups.received import Receipt, Received
from parlour_client.core.e2ee.identity import key_log
from parlour_client.core.model import BEFORE_JOIN, NoteKind
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import first_of, have_expired
from parlour_protocol.encrypted import EncryptedFile, HistoryContent, TextContent
from parlour_protocol.frames import AnyBody, LogEvent, decode_body
from parlour_protocol.frames.bodies import Created, EncryptedMessage, Message, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role

Names = Callable[[AnyBody], bool]
"""Says whether a message mentions this account."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The result of a run of events: ``applied`` for the views, the rest for anyone who acts on it."""

    receipt: Receipt
    applied: Sequence[Applied]
    behind: bool = False
    """Someone has seen more of the key log than this device."""
    differs: bool = False
    """Someone has seen another key log: an alarm is stored."""
    denied: Sequence[RequestId] = ()
    """Requests that the server did not store where it said."""
    corrected: bool = False
    """Stored rows that have changed."""
    elsewhere: bool = False
    """Another program on this home has processed more than messages of it."""


def store_events(
    connection: apsw.Connection,
    groups: GroupService,
    room: RoomId,
    events: Sequence[LogEvent],
    names_me: Names,
    now: Millis,
    *,
    welcome_missing: bool = False,
    refused: JoinRefusedError | None = None,
    key_log_read: bool = False,
    to_head: bool = False,
) -> StoredRun:
    """Decrypt and store the next events; those after a gap are left alone, known ones are only returned.

    ``to_head``: nothing comes after these, as far as the server has said.
    """
    cursor = groups.cursor(connection, room)
    following = _following(events, cursor)
    roles = _Roles(connection, room)
    receipt = groups.process(
        connection,
        room,
        following,
        roles.of,
        now,
        welcome_missing=welcome_missing,
        refused=refused,
        key_log_read=key_log_read,
    )
    denied = _deny(connection, room, receipt.items, now)
    comparisons = _keep(connection, room, receipt.items, now)
    fresh = store(connection, receipt.items, names_me, receipt.cursor, following)
    corrected = dict(receipt.corrected)
    if to_head and events and receipt.cursor >= events[-1].seq:
        corrected |= groups.dropped(connection, room)
    for seq, note in corrected.items():
        insertion.correct(connection, room, seq, note)
    # Another program on this home may have stored them: its views know, ours do not.
    known = [event for event in events if event.seq <= cursor]
    elsewhere = any(not isinstance(event.body, EncryptedMessage) for event in known)
    applied = [*_reported(connection, room, [event.seq for event in known], names_me), *fresh]
    behind, differs = key_log.Comparison.BEHIND in comparisons, key_log.Comparison.DIFFERS in comparisons
    return StoredRun(receipt, applied, behind, differs, denied, bool(corrected), elsewhere)


def store_older(
    connection: apsw.Connection,
    groups: GroupService,
    room: RoomId,
    events: Sequence[LogEvent],
    names_me: Names,
) -> None:
    """Store events from before this device began: readable ones are from before encryption."""
    cursor = groups.cursor(connection, room)
    store(
        connection, groups.before(connection, room, [e for e in events if e.seq <= cursor]), names_me, Seq(0)
    )


def store(
    connection: apsw.Connection,
    items: Sequence[Received],
    names_me: Names,
    top: Seq,
    came: Sequence[LogEvent] = (),
) -> list[Applied]:
    """Write the decrypted events of ``came``, and remove the outbox rows whose event is here."""
    digests = {event.seq: wire_digest(event.body) for event in came}
    items = list(_folded(connection, items))
    events = [item.event for item in items]
    marks = [
        Annotation(item.row, item.sealed, item.trouble, item.note, digests.get(item.event.seq))
        for item in items
    ]
    mentions = [item.row and names_me(item.event.body) for item in items]
    applied = insertion.add(connection, events, mentions, top, marks)
    requests = {item.event.seq: item.request for item in items if item.request is not None}
    for request in requests.values():
        outbox_table.remove(connection, request)
    return [replace(one, request=one.request or requests.get(one.event.seq)) for one in applied]


def _folded(connection: apsw.Connection, items: Sequence[Received]) -> Iterator[Received]:
    """Keep one row for all that this device can't read before what it can; none if all of it is read."""
    divided: bool | None = None
    for item in items:
        begins = item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS
        if not begins and item.trouble != BEFORE_JOIN:
            yield item
            if item.sealed and not item.trouble and isinstance(item.event.body, Message):
                divided = False
            continue
        room, seq = item.event.room, item.event.seq
        if divided is None:
            divided = _is_divided(connection, room, seq)
        handed = begins and _is_read_before(connection, room, seq)
        yield replace(item, row=False) if divided or handed else item
        divided = divided or not handed


_DIVIDED: Final = """
    SELECT trouble != '' OR note IS NOT NULL FROM events WHERE room = ? AND seq < ? AND is_row AND (
        trouble = ? OR json_extract(note, '$.kind') = ? OR (kind = 'message' AND sealed AND trouble = '')
    ) ORDER BY seq DESC LIMIT 1"""


def _is_divided(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    """Say whether a row says already that nothing can be read, and nothing could be since."""
    values = (room, seq, BEFORE_JOIN, NoteKind.HISTORY_STARTS.value)
    return any(bool(divided) for (divided,) in connection.execute(_DIVIDED, values))


_SAID_LAST: Final = """
    SELECT trouble = '' FROM events WHERE room = ? AND seq < ?
        AND kind IN ('message', 'sealed') AND (sealed OR trouble != '') ORDER BY seq DESC LIMIT 1"""


def _is_read_before(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    """Say whether this device can read the latest message before an event: another one sent it over."""
    return any(bool(read) for (read,) in connection.execute(_SAID_LAST, (room, seq)))


def hide_dividers(connection: apsw.Connection, room: RoomId) -> None:
    """Remove rows that say that nothing before them can be read, where it can be read by now."""
    query = "SELECT seq FROM events WHERE room = ? AND json_extract(note, '$.kind') = ?"
    found = connection.execute(query, (room, NoteKind.HISTORY_STARTS.value))
    for seq in [Seq(int(str(seq))) for (seq,) in list(found)]:
        if _is_read_before(connection, room, seq):
            connection.execute("UPDATE events SET is_row = 0 WHERE room = ? AND seq = ?", (room, seq))


def keep_file_key(connection: apsw.Connection, room: RoomId, file: EncryptedFile) -> None:
    """Store an attachment's key; a later message that names another key for it changes nothing."""
    query = "INSERT OR IGNORE INTO file_keys (room, file, sha256, key) VALUES (?, ?, ?, ?)"
    connection.execute(query, (room, file.file, bytes(file.sha256), bytes(file.key)))


def _following(events: Sequence[LogEvent], cursor: Seq) -> Sequence[LogEvent]:
    following = []
    expected = Seq(cursor + 1)
    for event in events:
        if first_of(event) > expected:
            break
        if event.seq >= expected:
            following.append(event)
            expected = Seq(event.seq + 1)
    return following


def _deny(
    connection: apsw.Connection, room: RoomId, items: Sequence[Received], now: Millis
) -> Sequence[RequestId]:
    """Let requests fail that should be stored at these places and are not there, unless they have expired."""
    if not items:
        return ()
    genuine = {item.event.seq: item.request for item in items}
    gone = [item.event for item in items if have_expired(item.event)]
    denied = list[RequestId]()
    for seq in sorted(outbox_table.stored(connection, room, first_of(items[0].event), items[-1].event.seq)):
        days = next((one.days for one in gone if one.first <= seq <= one.seq), None)
        horizon = Expiry(days, now).horizon
        denied += outbox_table.deny(connection, room, seq, genuine.get(seq), horizon)
        if days is not None:
            outbox_table.expire(connection, room, seq, horizon)
    return denied


def _keep(
    connection: apsw.Connection, room: RoomId, items: Sequence[Received], now: Millis
) -> set[key_log.Comparison]:
    """Store the keys of files and of history, and compare others' states of the key log."""
    for item in items:
        if isinstance(item.content, TextContent) and item.content.file is not None:
            keep_file_key(connection, room, item.content.file)
        elif isinstance(item.content, HistoryContent):
            _keep_history(connection, item, item.content.file)
    theirs = (item for item in items if item.request is None)
    states = ((item.event.author, item.key_log) for item in theirs if item.key_log is not None)
    return key_log.compare_all(connection, states, now)


def _keep_history(connection: apsw.Connection, item: Received, file: EncryptedFile) -> None:
    """Store how history is fetched and decrypted; ``history`` checks its author."""
    event, device = item.event, item.device
    if device is not None:
        key, digest = bytes(file.key), bytes(file.sha256)
        history_parts.keep(connection, Part(event.room, event.seq, device, file.file, key, digest, file.size))


def _reported(
    connection: apsw.Connection, room: RoomId, seqs: Sequence[Seq], names_me: Names
) -> Sequence[Applied]:
    if not seqs:
        return ()
    found, _ = events.above(connection, room, Seq(seqs[0] - 1), len(seqs), over_holes=True)
    query = "SELECT seq, id FROM mls_messages WHERE room = ? AND seq BETWEEN ? AND ?"
    ids = cast("list[tuple[Seq, str]]", list(connection.execute(query, (room, seqs[0], seqs[-1]))))
    ours = {seq: RequestId(one) for seq, one in ids}
    run = [NewEvent(e, names_me(e.body), request=ours.get(e.seq)) for e in found if e.seq <= seqs[-1]]
    return insertion.applied(connection, room, run)


_ROLES: Final = "SELECT author, body FROM events WHERE room = ? AND kind IN ('role', 'created') ORDER BY seq"


class _Roles:
    """Roles according to the log, read when someone's is needed."""

    def __init__(self, connection: apsw.Connection, room: RoomId) -> None:
        self._connection = connection
        self._room = room

    def of(self, user: UserName) -> Role | None:
        role = None
        for author, body in self._connection.execute(_ROLES, (self._room,)):
            match decode_body(str(body)):
                case Created() if user_name(str(author)) == user:
                    role = Role.OWNER
                case RoleSet(who=who, role=given) if who == user:
                    role = given
                case _:
                    pass
        return role
