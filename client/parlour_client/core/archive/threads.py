"""Threads and earlier texts in the archive: the messages before, the replies, and the edits of a message.

A thread is found by the chain of replies; nothing in the protocol names it. A chain that a hostile server
made circular ends where it began. Functions over a connection.
"""

from collections.abc import Sequence
from typing import Final

import apsw

from parlour_client.core.archive.events import shown
from parlour_client.core.model import Thread, Version
from parlour_protocol.frames import decode_body
from parlour_protocol.frames.bodies import Edited, Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq

LONGEST: Final = 1_000
"""Messages of one thread that are shown."""


def thread(connection: apsw.Connection, room: RoomId, seq: Seq) -> Thread:
    """Return the thread of a message, as far as it is here."""
    first, missing = root(connection, room, seq)
    query = """
        WITH RECURSIVE chain (seq) AS (
            SELECT ? UNION SELECT events.seq FROM events JOIN chain
                ON events.room = ? AND events.reply_to = chain.seq LIMIT ?
        ) SELECT seq FROM chain ORDER BY seq"""
    seqs = [Seq(int(str(number))) for (number,) in connection.execute(query, (first, room, LONGEST))]
    return Thread(first, tuple(shown(connection, room, seqs)), missing)


def root(connection: apsw.Connection, room: RoomId, seq: Seq) -> tuple[Seq, Seq | None]:
    """Follow the replies up; returns the first message, and the missing one if that is not here."""
    seen: set[Seq] = set()
    while seq not in seen and len(seen) < LONGEST:
        seen.add(seq)
        query = "SELECT reply_to FROM events WHERE room = ? AND seq = ?"
        found = list(connection.execute(query, (room, seq)))
        if not found:
            return seq, seq
        if found[0][0] is None:
            return seq, None
        seq = Seq(int(str(found[0][0])))
    return min(seen), None


def versions(connection: apsw.Connection, room: RoomId, seq: Seq) -> Sequence[Version]:
    """Return the texts that a message had, oldest first; none if it was deleted."""
    query = """
        SELECT seq, at, body FROM events
        WHERE room = ? AND ((seq = ? AND kind = 'message') OR (target = ? AND kind = 'edited'))
        ORDER BY seq"""
    found = []
    for number, at, data in connection.execute(query, (room, seq, seq)):
        body = decode_body(str(data))
        if isinstance(body, Message | Edited):
            found.append(Version(Seq(int(str(number))), Millis(int(str(at))), body.text))
    return found if any(version.seq == seq for version in found) else ()
