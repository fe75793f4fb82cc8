"""The draft of each room, and of each thread in it. Functions over a connection.

A thread is found by any of its messages: its first one may be known only later.
"""

import apsw

from parlour_client.core.archive.threads import root
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


def draft(connection: apsw.Connection, room: RoomId, thread: Seq | None = None) -> str:
    """Return the draft of a room, or of the thread that a message belongs to."""
    return "\n".join(text for _at, text in _kept(connection, room, thread))


def save_draft(connection: apsw.Connection, room: RoomId, text: str, thread: Seq | None = None) -> None:
    """Store the draft of a room, or of the thread that a message belongs to; empty: delete it."""
    for at, _text in _kept(connection, room, thread):
        connection.execute("DELETE FROM drafts WHERE room = ? AND thread = ?", (room, at))
    if text:
        at = Seq(0) if thread is None else root(connection, room, thread)[0]
        connection.execute("INSERT INTO drafts VALUES (?, ?, ?)", (room, at, text))


def _kept(connection: apsw.Connection, room: RoomId, thread: Seq | None) -> list[tuple[Seq, str]]:
    """Return the drafts of the room or thread; a thread has two when two became one."""
    query = "SELECT thread, text FROM drafts WHERE room = ? ORDER BY thread"
    found = [(Seq(int(str(at))), str(text)) for at, text in connection.execute(query, (room,))]
    if thread is None:
        return [(at, text) for at, text in found if not at]
    first = root(connection, room, thread)[0]
    return [(at, text) for at, text in found if at and root(connection, room, at)[0] == first]
