"""The outbox's table: requests for the server, in the order in which they were made.

A row is written before anything is sent and has the exact bytes of its request, id included, so that a resend
after a crash is the same request and is stored once (M6). It is deleted when its event is here, or when the
person cancels it. Functions over a connection; ``Outbox`` decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, cast

import apsw

from parlour_client.kit.language import N_
from parlour_protocol.frames import AnyRequest, decode_request, encode
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq

AlsoWrite = Callable[[apsw.Connection], None]
"""Writes to do in the same transaction."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request of the outbox. ``state`` is `queued`, `failed` or `stored`."""

    position: int
    at: Millis
    frame: AnyRequest
    state: str
    seq: Seq | None
    problem: str


def put(
    connection: apsw.Connection,
    room: RoomId,
    frames: Sequence[AnyRequest],
    at: Millis,
    also: AlsoWrite | None = None,
) -> Sequence[Outgoing]:
    """Queue requests at the end, in order."""
    query = "INSERT INTO outbox (request, room, at, frame, state) VALUES (?, ?, ?, ?, 'queued')"
    queued = []
    for frame in frames:
        connection.execute(query, (frame.id, room, at, encode(frame).decode()))
        queued.append(Outgoing(connection.last_insert_rowid(), at, frame, "queued", None, ""))
    if also is not None:
        also(connection)
    return queued


def load(connection: apsw.Connection) -> Sequence[Outgoing]:
    """Return all rows in order."""
    query = "SELECT position, at, frame, state, seq, problem FROM outbox ORDER BY position"
    rows = cast("list[tuple[int, int, str, str, int | None, str]]", list(connection.execute(query)))
    return [
        Outgoing(
            position,
            Millis(at),
            decode_request(frame.encode()),
            state,
            Seq(seq) if seq is not None else None,
            problem,
        )
        for position, at, frame, state, seq, problem in rows
    ]


class Place(Enum):
    """The event at the place where the server says that it stored a request."""

    AHEAD = "ahead"
    """Nothing yet."""
    HERE = "here"
    """Its event; the row is deleted."""
    DENIED = "denied"
    """Something else, although it was sent encrypted: the row stays, as failed."""


DENIED: Final = N_("The server said that it had stored this message, and shows something else in its place.")


KEPT: Final = 200
"""Stored requests that wait for their events in a home whose programs only send: the newest ones."""


def acknowledge_sent(connection: apsw.Connection, places: Sequence[tuple[RequestId, RoomId, Seq]]) -> None:
    """Note where requests are stored, and delete the oldest ones whose events did not arrive."""
    for request, room, seq in places:
        acknowledge(connection, request, room, seq)
    query = """
        DELETE FROM outbox WHERE state = 'stored' AND position <= (
            SELECT position FROM outbox WHERE state = 'stored' ORDER BY position DESC LIMIT 1 OFFSET ?)"""
    connection.execute(query, (KEPT,))


def acknowledge(connection: apsw.Connection, request: RequestId, room: RoomId, seq: Seq) -> Place:
    """Note where a request is stored."""
    connection.execute("UPDATE outbox SET state = 'stored', seq = ? WHERE request = ?", (seq, request))
    waited = bool(connection.changes())
    missing = "SELECT 1 FROM missing WHERE room = ? AND ? BETWEEN first AND last"
    if list(connection.execute(missing, (room, seq))):
        return Place.DENIED if waited and deny(connection, room, seq, None) else Place.AHEAD
    if not list(connection.execute("SELECT 1 FROM events WHERE room = ? AND seq = ?", (room, seq))):
        return Place.AHEAD
    if waited and deny(connection, room, seq, None):
        return Place.DENIED
    remove(connection, request)
    return Place.HERE


def expire(connection: apsw.Connection, room: RoomId, seq: Seq, until: Millis) -> None:
    """Delete the row of a request that was stored at a place, if it was written up to this time."""
    query = "DELETE FROM outbox WHERE room = ? AND state = 'stored' AND seq = ? AND at <= ?"
    connection.execute(query, (room, seq, until))


def stored(
    connection: apsw.Connection, room: RoomId, first: Seq, last: Seq
) -> Sequence[tuple[Seq, RequestId]]:
    """Return the places of a range at which the server says that it stored requests of ours, and which."""
    query = "SELECT seq, request FROM outbox WHERE room = ? AND seq BETWEEN ? AND ? ORDER BY seq"
    rows = connection.execute(query, (room, first, last))
    return [(Seq(int(str(seq))), RequestId(str(request))) for seq, request in rows]


def deny(
    connection: apsw.Connection,
    room: RoomId,
    seq: Seq,
    genuine: RequestId | None,
    expired: Millis = Millis(0),  # noqa: B008 - a NewType
) -> Sequence[RequestId]:
    """Let a request fail that should be stored at a place where another event was decrypted.

    The event of an encrypted message proves what it is, so a server that answers "stored" and shows something
    else can't make a message disappear. What was written up to ``expired`` may have expired there.
    """
    query = """
        UPDATE outbox SET state = 'failed', seq = NULL, problem = ?
        WHERE room = ? AND seq = ? AND request IS NOT ? AND at > ?
            AND request IN (SELECT request FROM mls_sealed)
        RETURNING request"""
    values = (DENIED, room, seq, genuine, expired)
    return [RequestId(str(denied)) for (denied,) in connection.execute(query, values)]


def is_queued(connection: apsw.Connection, request: RequestId) -> bool:
    """Say whether a request is still to be sent."""
    query = "SELECT 1 FROM outbox WHERE request = ? AND state = 'queued'"
    return any(connection.execute(query, (request,)))


def set_state(connection: apsw.Connection, request: RequestId, state: str, problem: str = "") -> None:
    """Mark a row as queued or failed."""
    connection.execute(
        "UPDATE outbox SET state = ?, problem = ? WHERE request = ?", (state, problem, request)
    )


def change(connection: apsw.Connection, frame: AnyRequest) -> None:
    """Replace a request that the server refused; it keeps its id and its place."""
    connection.execute("UPDATE outbox SET frame = ? WHERE request = ?", (encode(frame).decode(), frame.id))


def remove(connection: apsw.Connection, request: RequestId) -> None:
    """Delete a row."""
    connection.execute("DELETE FROM outbox WHERE request = ?", (request,))


def take_back(connection: apsw.Connection, request: RequestId, *, left: bool) -> None:
    """Delete a row, and its ciphertext if that was never sent: else its event may still arrive."""
    remove(connection, request)
    give_up(connection, request)
    if not left:
        connection.execute("DELETE FROM mls_sealed WHERE request = ?", (request,))
        connection.execute("DELETE FROM mls_ciphertexts WHERE request = ?", (request,))


def give_up(connection: apsw.Connection, request: RequestId) -> None:
    """Note that the number of an encrypted request will have no message.

    Its number in the room is skipped, and the next message says so. Requests encrypted after it are encrypted
    again.
    """
    for room, number in skip_number(connection, request):
        # Their links say that this one comes before them. None was sent: a lane sends in order.
        connection.execute("UPDATE mls_sealed SET epoch = -1 WHERE room = ? AND number > ?", (room, number))


def skip_number(connection: apsw.Connection, request: RequestId) -> list[tuple[str, int]]:
    """Note that no message has the number of a request; returns it, with its room."""
    query = "SELECT room, number FROM mls_sealed WHERE request = ? AND number IS NOT NULL"
    found = cast("list[tuple[str, int]]", list(connection.execute(query, (request,))))
    for room, number in found:
        again = "UPDATE mls_voids SET said_in = NULL WHERE room = ? AND said_in = ?"
        connection.execute(again, (room, number))
        connection.execute("INSERT OR IGNORE INTO mls_voids VALUES (?, ?, ?, NULL)", (room, number, number))
        connection.execute("UPDATE mls_sealed SET number = NULL WHERE request = ?", (request,))
    return found
