"""The pinned messages of a room: those whose latest pin event pins them.

The right to pin was checked before an event got here: by the server in an open room, by
``e2ee.group.contents`` in an encrypted one. Functions over a connection. (``key_pins`` is about the keys of
people.)
"""

from collections.abc import Sequence

import apsw

from parlour_client.core.archive.events import shown
from parlour_client.core.model import Entry
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.limits import PINS_PER_ROOM


def pins(connection: apsw.Connection, room: RoomId) -> Sequence[Entry]:
    """Return the pinned messages that are here, the latest pin first; as many as a room can have."""
    query = """
        SELECT target FROM events WHERE room = ? AND kind = 'pinned'
        GROUP BY target ORDER BY max(seq) DESC"""
    found: list[Entry] = []
    for (target,) in list(connection.execute(query, (room,))):
        found += [entry for entry in shown(connection, room, [Seq(int(str(target)))]) if entry.pinned]
        if len(found) == PINS_PER_ROOM.value:
            break
    return found
