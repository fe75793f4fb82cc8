"""Search over the texts of all messages, encrypted rooms included, without a server.

What a person types is taken as words, each quoted, so that no operator of the search language can be
injected; the last word may be unfinished. Newest first. Functions over a connection.
"""

from collections.abc import Sequence
from typing import Final, cast

import apsw

from parlour_client.core.archive.events import shown
from parlour_client.core.model import Entry
from parlour_protocol.ids import RoomId, Seq

MAX_WORDS: Final = 16


def search(connection: apsw.Connection, words: str, room: RoomId | None, limit: int) -> Sequence[Entry]:
    """Return the newest messages that hold all the words."""
    wanted = _quoted(words)
    if not wanted:
        return ()
    query = """
        SELECT events.room, events.seq FROM words JOIN events ON events.id = words.rowid
        WHERE words MATCH ? AND (? IS NULL OR events.room = ?)
        ORDER BY events.at DESC, events.seq DESC LIMIT ?"""
    hits = cast("list[tuple[RoomId, Seq]]", list(connection.execute(query, (wanted, room, room, limit))))
    return [entry for where, seq in hits for entry in shown(connection, where, [seq])]


def _quoted(words: str) -> str:
    """Return an FTS5 expression: every word in quotes, the last one as a beginning."""
    parts = ['"' + word.replace('"', '""') + '"' for word in words.replace("\0", " ").split()[:MAX_WORDS]]
    return " ".join(parts) + "*" if parts else ""
