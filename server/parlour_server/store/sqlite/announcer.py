"""Tells other processes, by the journal, of events that this process appended.

A server has the bus for that and stays silent here; an administration command has no bus and speaks.
Nothing is announced that is not committed: the entry is part of the same transaction. Used by the log
and when a room is made.
"""

from parlour_protocol.ids import RoomId, Seq
from parlour_server.clock import Clock
from parlour_server.store.sqlite.connection import WriteConnection
from parlour_server.store.sqlite.journal import note_room_advanced


class Announcer:
    """Writes RoomAdvanced entries, or none."""

    def __init__(self, clock: Clock, *, speaks: bool) -> None:
        """Date entries by ``clock``; silent unless ``speaks``."""
        self._clock = clock
        self._speaks = speaks

    def advanced(self, db: WriteConnection, room: RoomId, seq: Seq) -> None:
        """Note that the room has events up to ``seq``."""
        if self._speaks:
            note_room_advanced(db, self._clock.now(), room, seq)
