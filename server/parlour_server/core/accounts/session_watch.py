"""Closes sockets whose sessions are past their limits, and notices a clock that was set.

Once a second it writes the activity of sessions, asks the store which sessions with an open socket are past a
limit (S3, L17), and closes those sockets. It never raises: if the store cannot answer, it asks again.
"""

from collections.abc import Callable, Iterable
from typing import Final

from parlour_protocol.kit.errors import SESSION_EXPIRED, CloseCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.clock import SteadyClock
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import warn

LOOK_SECONDS: Final = 1.0
_JUMP_SECONDS: Final = 60.0
_LONG_GAP_DAYS: Final = 7
_DAY: Final = 86_400_000


class SessionWatch:
    """Checks sessions while a server runs."""

    def __init__(
        self,
        sessions: Callable[[], Sessions],
        end: Callable[[Iterable[SessionId], CloseCode], None],
        clock: SteadyClock,
    ) -> None:
        """``sessions`` returns the sessions with the current settings; ``end`` closes sockets."""
        self._sessions = sessions
        self._end = end
        self._clock = clock
        self._ahead = 0.0
        self._failing = False

    def compare(self, newest: Millis | None) -> None:
        """Warn if the clock at the start does not fit the newest time in the store."""
        gap = 0.0 if newest is None else (self._clock.now() - newest) / _DAY
        if gap > _LONG_GAP_DAYS or gap < -_JUMP_SECONDS * 1000 / _DAY:
            warn(
                "clock_differs",
                days=round(gap, 1),
                note="from the last use of a session to now; unless the server was off for so long, correct "
                "the clock and restart: sessions past their limits are refused meanwhile, none is deleted",
            )

    async def run(self) -> None:
        """Check until cancelled."""
        began = self._clock.monotonic()
        while True:
            # from the beginning of a check: time that passes during it may end a session that it has read
            await self._clock.sleep(began + LOOK_SECONDS - self._clock.monotonic())
            began = self._clock.monotonic()
            await self.check()

    async def check(self) -> None:
        """Write activity, and close sockets of overdue sessions."""
        self._notice_jump()
        try:
            await self._sessions().write_activity(due_only=True)
            self._end(await self._sessions().overdue(), SESSION_EXPIRED)
        except UnavailableError:
            if not self._failing:
                warn("sessions_unreadable", consequence="sockets stay open past their limits meanwhile")
            self._failing = True
            return
        self._failing = False

    async def stop(self) -> None:
        """Write activity if the store can be written to."""
        await self._sessions().write_activity()

    def _notice_jump(self) -> None:
        ahead = self._clock.set_ahead()
        if abs(ahead - self._ahead) > _JUMP_SECONDS:
            warn(
                "clock_was_set",
                seconds=round(ahead - self._ahead),
                note="the limits of sessions keep to the time before until the next start",
            )
            self._ahead = ahead
