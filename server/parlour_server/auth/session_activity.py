"""What the sessions of this server do, in memory: when each was used last, and which have a socket open.

Every HTTPS request of a session and every text frame on one of its sockets is use; pings, pongs and being
told something are not (S3). Noting it costs one entry of a dictionary; ``Sessions`` writes it, at most
once a minute for each session. The chat and ``Sessions`` note, ``Sessions`` asks.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from parlour_protocol.ids import Millis, SessionId
from parlour_server.clock import Clock

WRITE_SECONDS: Final = 60.0
"""Between two writes of one session: an idle limit in days needs no more."""


class SessionActivity:
    """Use that the store does not know yet, and open sockets."""

    def __init__(self, clock: Clock) -> None:
        """``clock`` is the one that the limits of sessions are measured by."""
        self._clock = clock
        self._unwritten: dict[SessionId, Millis] = {}
        self._written: dict[SessionId, float] = {}
        self._open: Counter[SessionId] = Counter()

    @property
    def open(self) -> frozenset[SessionId]:
        """The sessions that have a socket open here."""
        return frozenset(self._open)

    def used(self, session: SessionId) -> None:
        """Note that a session is in use now."""
        self._unwritten[session] = self._clock.now()

    def opened(self, session: SessionId) -> None:
        """Note that a socket of the session opened: that is use as well."""
        self._open[session] += 1
        self.used(session)

    def closed(self, session: SessionId) -> None:
        """Note that a socket of the session is gone."""
        self._open[session] -= 1
        if self._open[session] <= 0:
            del self._open[session]

    def last_used(self, session: SessionId, stored: Millis) -> Millis:
        """Return when a session was used last, where the store says ``stored``."""
        return max(stored, self._unwritten.get(session, stored))

    def unwritten(self) -> Mapping[SessionId, Millis]:
        """Return what the store does not know yet."""
        return dict(self._unwritten)

    def due(self) -> Mapping[SessionId, Millis]:
        """Return what of it must be written now: the first use at once, then once a minute a session."""
        now = self._clock.monotonic()
        self._written = {session: at for session, at in self._written.items() if now - at < WRITE_SECONDS}
        return {session: at for session, at in self._unwritten.items() if session not in self._written}

    def written(self, seen: Mapping[SessionId, Millis]) -> None:
        """Forget what the store knows now."""
        now = self._clock.monotonic()
        for session, at in seen.items():
            self._written[session] = now
            if self._unwritten.get(session) == at:
                del self._unwritten[session]
