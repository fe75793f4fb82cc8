"""What happens to memberships and rooms while they are read from the store, so that nothing stale is used.

A membership that ends meanwhile must not come back with what was read (S4). An event that is appended
meanwhile to a room without listeners reaches no one, and the first listener must get it all the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName


class EndedMemberships:
    """What those who read memberships of an account watch."""

    def __init__(self) -> None:
        self._watches: dict[UserName, list[dict[RoomId, Seq]]] = {}
        self._heads: dict[RoomId, Seq] = {}
        """Of rooms without listeners, since there was last no watch."""

    @contextmanager
    def watching(self, user: UserName) -> Iterator[dict[RoomId, Seq]]:
        """While the block runs, collect the numbers of events that end a membership of ``user``."""
        ended: dict[RoomId, Seq] = {}
        if not self._watches:
            self._heads.clear()
        watches = self._watches.setdefault(user, [])
        watches.append(ended)
        try:
            yield ended
        finally:
            # by identity: two watches with the same content are equal as dicts
            watches[:] = [other for other in watches if other is not ended]
            if not watches:
                self._watches.pop(user, None)

    def note(self, user: UserName, room: RoomId, seq: Seq) -> None:
        """Record that event ``seq`` ended the user's membership of the room."""
        for ended in self._watches.get(user, ()):
            ended[room] = max(seq, ended.get(room, seq))

    def note_head(self, room: RoomId, seq: Seq) -> None:
        """Record that event ``seq`` is in a room without listeners."""
        if self._watches:
            self._heads[room] = max(seq, self._heads.get(room, seq))

    def head(self, room: RoomId) -> Seq:
        """Return the newest event of a room that was recorded since the current reads began."""
        return self._heads.get(room, Seq(0))
