"""Sessions: who presents a bearer token, which devices are logged in, and how a session ends.

A token is 256 random bits, made here alone (K6: fixation) and stored as its SHA-256 (K2). A session ends at
its absolute and at its idle limit (S3), and by ending; its sockets hear of it by the bus at once, by the
journal otherwise. The HTTPS API and ``logins`` call it.
"""

import contextlib
from collections.abc import Sequence
from typing import Final

from parlour_protocol.ids import Millis, SessionId, new_session_id
from parlour_protocol.names import DeviceName, UserName
from parlour_protocol.secret import Secret
from parlour_server.audit import Audit, AuditEvent
from parlour_server.bus.interface import Bus, SessionsEnded
from parlour_server.clock import Clock
from parlour_server.config.settings import Logins as LoginSettings
from parlour_server.errors import SessionRefusedError, UnavailableError
from parlour_server.store.interface import Sessions as SessionStore
from parlour_server.store.types import SessionRecord

_DAY: Final = 86_400_000
_SEEN_EVERY: Final = 60_000  # one write a minute and session is enough for an idle limit in days


class Sessions:
    """The sessions of all accounts."""

    def __init__(
        self, store: SessionStore, bus: Bus, clock: Clock, audit: Audit, settings: LoginSettings
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._audit = audit
        self._settings = settings

    async def begin(self, user: UserName, device: DeviceName) -> tuple[SessionRecord, Secret]:
        """Make a session; over the cap, the one of the account that was seen longest ago ends (S6)."""
        token = Secret.random()
        now = self._clock.now()
        record = SessionRecord(
            id=new_session_id(),
            user=user,
            device=device,
            token=token.digest(),
            created=now,
            last_seen=now,
            expires=Millis(now + self._settings.session_days * _DAY),
        )
        await self._store.create(record, cap=self._settings.sessions_per_user)
        return record, token

    async def authenticate(self, token: Secret) -> SessionRecord:
        """Return the live session of this token. Raises SessionRefusedError, whatever is wrong with it."""
        now = self._clock.now()
        record = await self._store.find(token.digest(), now)
        if record is None:
            raise SessionRefusedError
        if now - record.last_seen > self._settings.idle_days * _DAY:
            await self.end(record, record.id, why="idle")
            raise SessionRefusedError
        if now - record.last_seen > _SEEN_EVERY:
            with contextlib.suppress(UnavailableError):  # a full disk lets people read: it is noted later
                await self._store.touch(record.id, now)
        return record

    async def list(self, session: SessionRecord) -> Sequence[SessionRecord]:
        """Return the live sessions of the account of ``session``."""
        return await self._store.list(session.user, self._clock.now())

    async def end(self, session: SessionRecord, which: SessionId, *, why: str = "asked") -> bool:
        """End one session of the account of ``session``; False when it has no such session."""
        ended = await self._store.end(session.user, which)
        if ended:
            self._tell({which})
            self._audit.record(AuditEvent.SESSION_ENDED, user=session.user, session=which, why=why)
        return ended

    async def end_others(self, session: SessionRecord) -> int:
        """End all sessions of the account but this one (P7); returns how many."""
        listed = await self._store.list(session.user, self._clock.now())
        count = await self._store.end_all(session.user, but=session.id)
        # A session made between the two is not in the list: the journal tells of it, within a second.
        self._tell({record.id for record in listed} - {session.id})
        self._audit.record(AuditEvent.SESSION_ENDED, user=session.user, others=count, why="password changed")
        return count

    def _tell(self, sessions: set[SessionId]) -> None:
        if sessions:
            self._bus.publish(SessionsEnded(frozenset(sessions)))
