"""Typing and presence: sent by the server, never stored, forgotten when the connection ends.

Someone who began to type and never stopped is removed after a few seconds.
"""

from functools import partial
from typing import Final

from parlour_client.core.events import Emit, PresenceChanged, TypingChanged
from parlour_client.kit.clock import Clock, Timer
from parlour_protocol.frames.replies import StatusUpdate, TypingUpdate
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Status

TYPING_SECONDS: Final = 8.0
"""A client repeats itself while its user types; a longer silence means that they stopped."""
MAX_TYPING: Final = 50
"""People remembered for one room: a view shows three."""


class Presence:
    """The people who are typing, and those who are online."""

    def __init__(self, me: UserName, clock: Clock, emit: Emit) -> None:
        self._me = me
        self._clock = clock
        self._emit = emit
        self.typing_in: dict[RoomId, dict[UserName, Timer]] = {}
        """Who types in each room, until when if they don't go on."""

    def typing(self, frame: TypingUpdate) -> None:
        """Take a typing notification."""
        if frame.user == self._me:
            return
        self._stop(frame.room, frame.user)
        users = self.typing_in.setdefault(frame.room, {})
        if frame.on and len(users) < MAX_TYPING:
            expire = partial(self.stopped, frame.room, frame.user)
            users[frame.user] = self._clock.call_later(TYPING_SECONDS, expire)
        self._tell(frame.room)

    def status(self, frame: StatusUpdate) -> None:
        """Take a presence notification."""
        if frame.user != self._me:
            self._emit(PresenceChanged(frame.user, frame.status))
        if frame.status is Status.OFFLINE:
            for room in [room for room, users in self.typing_in.items() if frame.user in users]:
                self.stopped(room, frame.user)

    def clear(self) -> None:
        """Forget everything, because the connection ended."""
        for room in list(self.typing_in):
            for user in list(self.typing_in[room]):
                self._stop(room, user)
            self._tell(room)
        self.typing_in.clear()

    def stopped(self, room: RoomId, user: UserName) -> None:
        """Note that someone is not typing any more."""
        self._stop(room, user)
        self._tell(room)

    def _stop(self, room: RoomId, user: UserName) -> None:
        if timer := self.typing_in.get(room, {}).pop(user, None):
            timer.cancel()

    def _tell(self, room: RoomId) -> None:
        self._emit(TypingChanged(room, tuple(self.typing_in.get(room, ()))))
