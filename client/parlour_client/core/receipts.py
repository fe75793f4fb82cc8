"""How far others have read, as they chose to tell: said by the server, never stored, one number a person.

The server's word alone, in encrypted rooms too, and shown as no more than that. The engine hands in what is
told and views read it.
"""

from collections.abc import Mapping
from typing import Final

from parlour_client.core.model import ReceiptsChanged
from parlour_client.core.news import Emit
from parlour_protocol.frames.replies import ReadBy
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName

MAX_READERS: Final = 100
"""People kept for one room."""


class Receipts:
    """The receipts of all rooms."""

    def __init__(self, me: UserName, emit: Emit) -> None:
        """Begin knowing nothing."""
        self._me = me
        self._emit = emit
        self._rooms: dict[RoomId, dict[UserName, Seq]] = {}

    def hear(self, frame: ReadBy) -> None:
        """Take what somebody lets be known; going back is no news."""
        readers = self._rooms.setdefault(frame.room, {})
        known = readers.get(frame.user)
        full = known is None and len(readers) >= MAX_READERS
        if frame.user == self._me or full or frame.seq <= (known or 0):
            return
        readers[frame.user] = frame.seq
        self._emit(ReceiptsChanged(frame.room))

    def of(self, room: RoomId) -> Mapping[UserName, Seq]:
        """Return who has read up to where."""
        return dict(self._rooms.get(room, {}))

    def forget(self, room: RoomId) -> None:
        """Forget a room that the account is not in any more."""
        self._rooms.pop(room, None)
