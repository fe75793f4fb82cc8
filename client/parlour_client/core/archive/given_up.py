"""Requests that were sealed and are given up: taken back by the person, or refused by the server for good.

Their number in the room is void, and the next message says so to the others. Functions over a connection.
"""

import apsw

from parlour_protocol.ids import RequestId


def give_up(connection: apsw.Connection, request: RequestId) -> None:
    """Note that no message comes under the number of a request; what was sealed after it is sealed again."""
    query = "SELECT room, number FROM mls_sealed WHERE request = ? AND number IS NOT NULL"
    for room, number in list(connection.execute(query, (request,))):
        again = "UPDATE mls_voids SET said_in = NULL WHERE room = ? AND said_in = ?"
        connection.execute(again, (room, number))
        connection.execute("INSERT OR IGNORE INTO mls_voids VALUES (?, ?, ?, NULL)", (room, number, number))
        # Their links say that this one comes before them. None has left: a lane sends in order.
        connection.execute("UPDATE mls_sealed SET epoch = -1 WHERE room = ? AND number > ?", (room, number))
        connection.execute("UPDATE mls_sealed SET number = NULL WHERE request = ?", (request,))
