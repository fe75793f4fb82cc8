"""What is pinned in a room: the messages whose newest event about being pinned says so.

Who may pin was judged before an event came here: by the server in an open room, by ``e2ee.contents`` in an
encrypted one. Functions over a connection. (``key_pins`` is about the keys of people.)
"""

from collections.abc import Sequence

import apsw

from parlour_client.core.archive.events import shown
from parlour_client.core.model import Entry
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.limits import PINS_PER_ROOM


def pins(connection: apsw.Connection, room: RoomId) -> Sequence[Entry]:
    """Return the pinned messages that are here, what was pinned last first; so many as a room can have."""
    query = """
        SELECT target FROM events WHERE room = ? AND kind = 'pinned'
        GROUP BY target ORDER BY max(seq) DESC"""
    found: list[Entry] = []
    for (target,) in list(connection.execute(query, (room,))):
        found += [entry for entry in shown(connection, room, [Seq(int(str(target)))]) if entry.pinned]
        if len(found) == PINS_PER_ROOM.value:
            break
    return found
