"""Sessions, and the devices they are bound to.

A session that ends is deleted, with a journal entry in the same transaction. An expired one stays until the
account is over its cap: the clock may be wrong, and the cap limits the table. Tokens are digests.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.accounts.tables.authority import (
    Authority,
    ByLogin,
    ByOperator,
    BySession,
    authorised,
)
from parlour_server.core.clock import Clock
from parlour_server.core.errors import SessionRefusedError
from parlour_server.core.store.engine.column_values import NO_LIMIT, device_name, plain, user_name
from parlour_server.core.store.engine.connection import ANYWHERE, Connection, WriteConnection
from parlour_server.core.store.engine.journal import note_session_ended
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import AccountEnd, SessionRecord, TicketGrant

_COLUMNS = (
    "s.session, s.account, s.device, s.token, s.created, s.last_seen, s.expires, s.device_id,"
    " a.needs_proof, a.proof_required, s.public_key, s.proved_elsewhere"
)
_LIVE = f"SELECT {_COLUMNS} FROM sessions s JOIN accounts a USING (account) WHERE a.disabled = 0 AND "  # noqa: S608 - columns of ours


class SessionStore:
    """The sessions of all accounts."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        clock: Clock,
        *,
        on_seen: Callable[[WriteConnection, Mapping[SessionId, Millis]], None] | None = None,
    ) -> None:
        """Use the store's writer and readers; ``clock`` dates the journal.

        ``on_seen`` is called in the transaction that records when sessions were seen.
        """
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._on_seen = on_seen

    async def create(
        self,
        by: ByLogin,
        session: SessionRecord,
        *,
        cap: int,
        in_use: Collection[SessionId] = frozenset(),
        instead_of: BySession | None = None,
    ) -> None:
        """Store a new session; over the account's ``cap``, others end (journal).

        ``instead_of`` ends first. Then expired ones, then those that are not ``in_use``, then those seen
        longest ago. Raises LoginRefusedError.
        """
        listed, clock = _listed(in_use), self._clock

        def write(db: WriteConnection, authority: Authority) -> None:
            if instead_of is not None:
                with contextlib.suppress(SessionRefusedError):
                    _end_one(db, Authority(db, instead_of, clock.now()), instead_of.session)
            _create(db, authority, session, cap, listed)

        await self._writer.submit(authorised(clock, by, write))

    async def find(self, token: bytes, now: Millis) -> SessionRecord | None:
        """Return the live session with this token digest.

        None when it ended, expired, or its account is disabled.
        """
        return await self._readers.row(_record, _LIVE + "s.token = ? AND s.expires > ?", token, now)

    async def granted_now(self, grant: TicketGrant, now: Millis) -> TicketGrant | None:
        """Return what a ticket grants now, with its session's device and key; None when that has ended."""
        return await self._readers.run(lambda db: granted_now(db, grant, now))

    async def touch(self, seen: Mapping[SessionId, Millis]) -> None:
        """Record when sessions were seen (for the idle limit), in one write."""

        def write(db: WriteConnection) -> None:
            # never backwards: setting the clock back must not make a session look idle
            db.executemany(
                "UPDATE sessions SET last_seen = ?1 WHERE session = ?2 AND last_seen < ?1",
                [(at, session) for session, at in sorted(seen.items())],
            )
            if self._on_seen is not None:
                self._on_seen(db, seen)

        await self._writer.submit(write, within=ANYWHERE)

    async def overdue(
        self, sessions: Collection[SessionId], now: Millis, seen_since: Millis
    ) -> Sequence[SessionId]:
        """Return those of ``sessions`` that have expired or were not seen since (not those that ended).

        One look-up each.
        """
        if not sessions:
            return []
        return await self._readers.rows(
            SessionId,
            "SELECT s.session FROM json_each(?) JOIN sessions s ON s.session = value"
            " WHERE s.expires <= ? OR s.last_seen < ?",
            _listed(sessions),
            now,
            seen_since,
        )

    async def newest_seen(self) -> Millis | None:
        """Return when any session was seen last; None when there is none."""
        query = "SELECT last_seen FROM sessions ORDER BY last_seen DESC LIMIT 1"
        return await self._readers.row(Millis, query)

    async def list(self, user: UserName, now: Millis) -> Sequence[SessionRecord]:
        """Return the account's live sessions, newest first."""
        query = _LIVE + "s.account = ? AND s.expires > ? ORDER BY s.created DESC, s.session"
        return await self._readers.rows(_record, query, plain(user), now)

    async def all(self, now: Millis) -> Sequence[SessionRecord]:
        """Return the live sessions of all accounts, by account, newest first."""
        query = _LIVE + "s.expires > ? ORDER BY s.account, s.created DESC, s.session"
        return await self._readers.rows(_record, query, now)

    async def end(self, by: BySession | ByOperator, session: SessionId) -> bool:
        """End one session of the account; False when it has no such session. Raises SessionRefusedError."""

        def write(db: WriteConnection, authority: Authority) -> bool:
            return _end_one(db, authority, session)

        return await self._writer.submit(authorised(self._clock, by, write))

    async def end_all(self, by: ByOperator) -> int:
        """End all sessions of the account; returns how many ended."""
        return await self._writer.submit(authorised(self._clock, by, end_sessions))


def end_sessions(db: WriteConnection, authority: Authority, why: AccountEnd | None = None) -> int:
    """End all sessions of the account but the one that asks; returns how many ended."""
    found = db.execute(
        "SELECT session FROM sessions WHERE account = ? AND session != ?",
        (plain(authority.user), authority.session or ""),
    ).fetchall()
    return end_found(db, authority, found, why)


def end_found(
    db: WriteConnection,
    authority: Authority,
    found: Iterable[tuple[SessionId]],
    why: AccountEnd | None = None,
) -> int:
    """End these sessions of the account; returns how many ended."""
    ended = 0
    for (session,) in found:
        db.execute("DELETE FROM sessions WHERE session = ?", (session,))
        note_session_ended(db, authority.at, session, authority.user, why)
        ended += 1
    return ended


def _end_one(db: WriteConnection, authority: Authority, session: SessionId) -> bool:
    query = "SELECT session FROM sessions WHERE session = ? AND account = ?"
    found = db.execute(query, (session, plain(authority.user))).fetchall()
    return end_found(db, authority, found) == 1


def is_live(db: Connection, session: SessionId, now: Millis) -> bool:
    """Return whether the session may open a connection now."""
    return db.execute(_LIVE + "s.session = ? AND s.expires > ?", (session, now)).fetchone() is not None


def granted_now(db: Connection, grant: TicketGrant, now: Millis) -> TicketGrant | None:
    """Return what a ticket grants now; None when its session has ended.

    The device may have been bound, or revoked, since the ticket was issued; the key is the session's.
    """
    row = db.execute(_LIVE + "s.session = ? AND s.expires > ?", (grant.session, now)).fetchone()
    if row is None:
        return None
    session = _record(*row)
    return replace(grant, device_id=session.device_id, public_key=session.public_key)


def _create(db: WriteConnection, authority: Authority, session: SessionRecord, cap: int, in_use: str) -> None:
    over = db.execute(
        "SELECT session FROM sessions WHERE account = ?"
        " ORDER BY expires > ? DESC, session IN (SELECT value FROM json_each(?)) DESC,"
        " last_seen DESC, created DESC LIMIT ? OFFSET ?",
        (plain(authority.user), session.created, in_use, NO_LIMIT, cap - 1),
    ).fetchall()
    end_found(db, authority, over)
    db.execute(
        "INSERT INTO sessions (session, account, device, token, created, last_seen, expires, public_key,"
        " proved_elsewhere) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            session.id,
            plain(authority.user),
            plain(session.device),
            session.token,
            session.created,
            session.last_seen,
            session.expires,
            session.public_key,
            int(session.proved_elsewhere),
        ),
    )


def _listed(sessions: Collection[SessionId]) -> str:
    return json.dumps(list(sessions))


def _record(
    session: SessionId,
    account: str,
    device: str,
    token: bytes,
    created: Millis,
    last_seen: Millis,
    expires: Millis,
    device_id: DeviceId | None,
    needs_proof: int,
    proof_required: int,
    public_key: bytes | None,
    proved_elsewhere: int,
) -> SessionRecord:
    return SessionRecord(
        session,
        user_name(account),
        device_name(device),
        token,
        created,
        last_seen,
        expires,
        device_id,
        bool(needs_proof),
        bool(proof_required),
        public_key,
        bool(proved_elsewhere),
    )
