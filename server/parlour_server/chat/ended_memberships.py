"""Memberships that end while something is read from the store, so that a stale one is never used (S4)."""

from collections.abc import Iterator
from contextlib import contextmanager

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName


class EndedMemberships:
    """What those who read memberships of an account watch."""

    def __init__(self) -> None:
        """Begin without watches."""
        self._watches: dict[UserName, list[dict[RoomId, Seq]]] = {}

    @contextmanager
    def watching(self, user: UserName) -> Iterator[dict[RoomId, Seq]]:
        """While the block runs, collect the numbers of events that end a membership of ``user``."""
        ended: dict[RoomId, Seq] = {}
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
