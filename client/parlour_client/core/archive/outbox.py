"""The outbox's table: requests that are to reach the server, in the order in which they were made.

A row is written before anything is sent and keeps the exact bytes of its request, id included, so that a
resend after a crash is the same request and is stored once (M6). It goes when its event is here, or when the
person cancels it. Functions over a connection; ``core.outbox`` decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import apsw

from parlour_protocol.frames import AnyRequest, decode_request, encode
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq


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
    connection: apsw.Connection, room: RoomId, frames: Sequence[AnyRequest], at: Millis
) -> Sequence[Outgoing]:
    """Queue requests at the end, in order."""
    query = "INSERT INTO outbox (request, room, at, frame, state) VALUES (?, ?, ?, ?, 'queued')"
    queued = []
    for frame in frames:
        connection.execute(query, (frame.id, room, at, encode(frame).decode()))
        queued.append(Outgoing(connection.last_insert_rowid(), at, frame, "queued", None, ""))
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


def acknowledge(connection: apsw.Connection, request: RequestId, room: RoomId, seq: Seq) -> bool:
    """Note where a request is stored. True: its event is here already, and the row is gone."""
    connection.execute("UPDATE outbox SET state = 'stored', seq = ? WHERE request = ?", (seq, request))
    here = list(connection.execute("SELECT 1 FROM events WHERE room = ? AND seq = ?", (room, seq)))
    if here:
        remove(connection, request)
    return bool(here)


def set_state(connection: apsw.Connection, request: RequestId, state: str, problem: str = "") -> None:
    """Mark a row as queued or failed."""
    connection.execute(
        "UPDATE outbox SET state = ?, problem = ? WHERE request = ?", (state, problem, request)
    )


def remove(connection: apsw.Connection, request: RequestId) -> None:
    """Forget a row."""
    connection.execute("DELETE FROM outbox WHERE request = ?", (request,))
