"""What the archive knows of a person: how much of theirs is here, and the newest of it.

It says nothing about when somebody was seen anywhere else. Functions over a connection.
"""

import apsw

from parlour_client.core.archive.events import shown
from parlour_client.core.archive.search_index import author_fact
from parlour_client.core.model import Entry
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName


def said(connection: apsw.Connection, user: UserName) -> tuple[int, Entry | None]:
    """Return how many messages of somebody are here, and the newest of them."""
    wanted = "{facts} : " + author_fact(user)
    count = int(str(next(connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (wanted,)))[0]))
    newest = """
        SELECT events.room, events.seq FROM words JOIN events ON events.id = words.rowid
        WHERE words MATCH ? ORDER BY words.rowid DESC LIMIT 1"""
    for room, seq in list(connection.execute(newest, (wanted,))):
        return count, next(iter(shown(connection, RoomId(str(room)), [Seq(int(str(seq)))])), None)
    return count, None
