"""Sessions: authenticates bearer tokens, lists logged-in devices, and ends sessions.

A token is 256 random bits, created only here (K6: fixation) and stored as its SHA-256 (K2). When someone ends
a session, its sockets are closed through the bus at once, or through the journal. Past its absolute or idle
limit a session is refused, and its sockets are closed (S3, ``session_watch.py``). It is not deleted then,
because a wrong clock would delete everyone's sessions; the cap on an account's sessions keeps their number
small.

An account that must prove more than its password, and can't yet, is known by these two facts whenever a
session is authenticated: it may then do nothing but set that up. No session remembers it, so none can forget
it.

A session may be bound to a key, without which its tickets open nothing (K50).
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from parlour_protocol.kit.ids import Millis, SessionId, new_session_id
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.tables.authority import ByLogin, BySession
from parlour_server.core.accounts.tables.sessions import SessionStore
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.bus.bus import Bus, SessionsEnded
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Logins as LoginSettings
from parlour_server.core.errors import (
    EnrolmentRequiredError,
    SessionKeyError,
    SessionRefusedError,
    UnavailableError,
)
from parlour_server.core.signatures import is_public_key
from parlour_server.core.store.records import SessionRecord

_DAY: Final = 86_400_000


class Sessions:
    """The sessions of all accounts."""

    def __init__(
        self,
        store: SessionStore,
        bus: Bus,
        clock: Clock,
        audit: Audit,
        settings: LoginSettings,
        activity: SessionActivity,
        limits: AccountLimits,
        *,
        is_proof_required: bool = False,
    ) -> None:
        """``clock`` measures time; a server passes a ``SteadyClock``. ``limits`` are of single accounts.

        ``is_proof_required``: every account must prove more than its password.
        """
        self._store = store
        self._bus = bus
        self._clock = clock
        self._audit = audit
        self._settings = settings
        self._activity = activity
        self._limits = limits
        self._is_proof_required = is_proof_required

    def check_key(self, key: bytes | None) -> None:
        """Raise SessionKeyError unless a session with this key, or without one, may begin."""
        if key is None and self._settings.session_keys == "required":
            raise SessionKeyError("This server needs a key for each session. Update your client.")
        if key is not None and not is_public_key(key):
            raise SessionKeyError("This is not an Ed25519 public key.")

    async def begin(
        self,
        by: ByLogin,
        device: DeviceName,
        key: bytes | None = None,
        *,
        instead_of: SessionRecord | None = None,
    ) -> tuple[SessionRecord, Secret]:
        """Create a session; over the cap, the account's session that has been idle longest ends (S6).

        ``instead_of`` ends. Of others, expired ones end first, then those without an open socket here. Raises
        SessionKeyError, and LoginRefusedError if the login does not hold any more.
        """
        self.check_key(key)
        token = Secret.random()
        now = self._clock.now()
        record = SessionRecord(
            id=new_session_id(),
            user=by.user,
            device=device,
            token=token.digest(),
            created=now,
            last_seen=now,
            expires=Millis(now + self._settings.session_days * _DAY),
            public_key=key,
            proved_elsewhere=by.proved_elsewhere,
        )
        await self.write_activity()
        cap = self._limits.of(by.user, "logins.sessions_per_user", self._settings.sessions_per_user)
        old = None if instead_of is None else BySession(instead_of.user, instead_of.id, while_enrolling=True)
        await self._store.create(by, record, cap=cap, in_use=self._activity.open, instead_of=old)
        if instead_of is not None:
            self._ended(instead_of.user, instead_of.id, why="logged in again")
        return await self._store.find(record.token, now) or record, token

    async def authenticate(self, token: Secret, *, may_be_enrolling: bool = False) -> SessionRecord:
        """Return the live session of this token. Raises SessionRefusedError for any reason.

        Raises EnrolmentRequiredError unless the session ``may_be_enrolling``.
        """
        now = self._clock.now()
        record = await self._store.find(token.digest(), now)
        if record is None or self._activity.last_used(record.id, record.last_seen) < self._used_since(now):
            raise SessionRefusedError
        if record.public_key is None and self._settings.session_keys == "required":
            raise SessionRefusedError
        if self.must_enrol(record) and not may_be_enrolling:
            raise EnrolmentRequiredError
        self._activity.used(record.id)
        return record

    def must_enrol(self, session: SessionRecord) -> bool:
        """Return whether this session may only set up what its account has to prove."""
        is_required = self._is_proof_required or session.proof_required
        return is_required and not (session.needs_proof or session.proved_elsewhere)

    async def list(self, session: SessionRecord) -> Sequence[SessionRecord]:
        """Return the live sessions of the account of ``session``."""
        now = self._clock.now()
        since = self._used_since(now)
        return [
            replace(record, last_seen=used)
            for record in await self._store.list(session.user, now)
            if (used := self._activity.last_used(record.id, record.last_seen)) >= since
        ]

    async def overdue(self) -> Sequence[SessionId]:
        """Return the sessions past a limit that have an open socket here.

        The store decides, because it knows the activity at other servers. Raises UnavailableError.
        """
        now = self._clock.now()
        since = self._used_since(now)
        found = await self._store.overdue(self._activity.open, now, since)
        used = [session for session in found if self._activity.last_used(session, Millis(0)) >= since]
        if not used:
            return found
        await self.write_activity()
        expired = await self._store.overdue(used, now, Millis(0))
        return [session for session in found if session not in used or session in expired]

    async def write_activity(self, *, due_only: bool = False) -> None:
        """Write which sessions were used, in one transaction; ``due_only``: each at most once a minute.

        Activity that cannot be written (on a full disk) is kept for later.
        """
        seen = self._activity.due() if due_only else self._activity.unwritten()
        if seen:
            with contextlib.suppress(UnavailableError):
                await self._store.touch(seen)
                self._activity.written(seen)

    async def end(self, session: SessionRecord, which: SessionId, *, while_enrolling: bool = False) -> bool:
        """End one session of the account of ``session``; False when it has no such session.

        Raises SessionRefusedError, EnrolmentRequiredError.
        """
        by = BySession(session.user, session.id, while_enrolling=while_enrolling)
        ended = await self._store.end(by, which)
        if ended:
            self._ended(session.user, which, why="asked")
        return ended

    def others_ended(self, session: SessionRecord, listed: Sequence[SessionRecord], *, why: str) -> None:
        """Close the sockets of these sessions of the account, but of this one: the store has ended them.

        A session that was created in between is not in the list: the journal reports it within a second.
        """
        others = {record.id for record in listed} - {session.id}
        self._publish_end(others)
        self._audit.record(AuditEvent.SESSION_ENDED, user=session.user, others=len(others), why=why)

    def _ended(self, user: UserName, session: SessionId, *, why: str) -> None:
        self._publish_end({session})
        self._audit.record(AuditEvent.SESSION_ENDED, user=user, session=session, why=why)

    def _used_since(self, now: Millis) -> Millis:
        return Millis(now - self._settings.idle_days * _DAY)

    def _publish_end(self, sessions: set[SessionId]) -> None:
        if sessions:
            self._bus.publish(SessionsEnded(frozenset(sessions)))
