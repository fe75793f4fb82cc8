"""Session activity in memory: when each session was last used, and which have an open socket.

Every HTTPS request of a session and every text frame from one of its sockets is activity; pings, pongs and
received events are not (S3). ``Sessions`` writes it to the store, at most once a minute for each session.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_server.core.clock import Clock

WRITE_SECONDS: Final = 60.0
"""Between two writes of one session; an idle limit in days needs no more precision."""


class SessionActivity:
    """Activity that is not in the store yet, and open sockets."""

    def __init__(self, clock: Clock) -> None:
        """``clock`` measures the limits of sessions."""
        self._clock = clock
        self._unwritten: dict[SessionId, Millis] = {}
        self._written: dict[SessionId, float] = {}
        self._open: Counter[SessionId] = Counter()

    @property
    def open(self) -> frozenset[SessionId]:
        """The sessions with an open socket here."""
        return frozenset(self._open)

    def used(self, session: SessionId) -> None:
        """Record that a session is used now."""
        self._unwritten[session] = self._clock.now()

    def opened(self, session: SessionId) -> None:
        """Record that a socket of the session opened, which is activity too."""
        self._open[session] += 1
        self.used(session)

    def closed(self, session: SessionId) -> None:
        """Record that a socket of the session closed."""
        self._open[session] -= 1
        if self._open[session] <= 0:
            del self._open[session]

    def last_used(self, session: SessionId, stored: Millis) -> Millis:
        """Return when a session was last used; ``stored`` is the time in the store."""
        return max(stored, self._unwritten.get(session, stored))

    def unwritten(self) -> Mapping[SessionId, Millis]:
        """Return the activity that is not in the store yet."""
        return dict(self._unwritten)

    def due(self) -> Mapping[SessionId, Millis]:
        """Return the activity to write now: a first use at once, then once a minute per session."""
        now = self._clock.monotonic()
        self._written = {session: at for session, at in self._written.items() if now - at < WRITE_SECONDS}
        return {session: at for session, at in self._unwritten.items() if session not in self._written}

    def written(self, seen: Mapping[SessionId, Millis]) -> None:
        """Forget the activity that was written."""
        now = self._clock.monotonic()
        for session, at in seen.items():
            self._written[session] = now
            if self._unwritten.get(session) == at:
                del self._unwritten[session]
