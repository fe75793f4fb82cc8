"""How far others have read, as they chose to share: never stored, one number a person.

In an unencrypted room the server is trusted for it. In an encrypted one it is an end-to-end encrypted message
of that person, and the server's own receipts are ignored.
"""

from collections.abc import Mapping
from typing import Final

from parlour_client.core.events import Emit, ReceiptsChanged
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName

MAX_READERS: Final = 100
"""People remembered for one room."""


class Receipts:
    """The receipts of all rooms."""

    def __init__(self, me: UserName, emit: Emit) -> None:
        self._me = me
        self._emit = emit
        self._rooms: dict[RoomId, dict[UserName, Seq]] = {}

    def read_by(self, room: RoomId, user: UserName, seq: Seq) -> None:
        """Take someone's receipt; moving back changes nothing."""
        readers = self._rooms.setdefault(room, {})
        known = readers.get(user)
        full = known is None and len(readers) >= MAX_READERS
        if user == self._me or full or seq <= (known or 0):
            return
        readers[user] = seq
        self._emit(ReceiptsChanged(room))

    def of(self, room: RoomId) -> Mapping[UserName, Seq]:
        """Return who has read up to where."""
        return dict(self._rooms.get(room, {}))

    def forget(self, room: RoomId) -> None:
        """Forget a room that the account is not in any more."""
        self._rooms.pop(room, None)
