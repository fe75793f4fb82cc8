"""Second factors, recovery codes, and the challenges that a login or another action answers with them.

A challenge is used up in the transaction that finds it: of any number of callers, at any number of servers,
one succeeds (L7). Challenges and recovery codes are digests. The secret of a TOTP factor is stored as it is,
because the server computes with it.

Whatever changes whether an account has an active factor says so in the same transaction (``needs_proof``):
the core lets no one in by the password alone from then on, even if this folder is gone.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind
from parlour_server.capabilities.second_factors.records import (
    AccountFactors,
    Challenge,
    FactorRecord,
    NewFactor,
)
from parlour_server.core.accounts.tables.authority import (
    Authority,
    ByOperator,
    ByPassword,
    ByProof,
    BySession,
    authorised,
)
from parlour_server.core.accounts.tables.sessions import end_sessions
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import NO_LIMIT, device_name, plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection

FACTORS: Final = 10
"""The most factors of an account."""
CHALLENGES: Final = 20
"""The most unanswered challenges of an account from one source; then the oldest of them is void (P32)."""
_COLUMNS: Final = "factor, account, kind, name, created, last_used, secret, counter"
_ACTIVE: Final = f"SELECT {_COLUMNS} FROM second_factors WHERE active = 1 AND account = ?"  # noqa: S608 - of ours


class FactorStore:
    """The second factors that people have besides their passwords."""

    def __init__(self, store: KitStore, clock: Clock) -> None:
        """``clock`` is for what expires, and for the journal."""
        self._writer = store.writer
        self._readers = store.readers
        self._clock = clock

    async def of(self, user: UserName) -> AccountFactors:
        """Return the account's active factors, and how many recovery codes are left."""

        def read(db: Connection) -> AccountFactors:
            found = db.execute(f"{_ACTIVE} ORDER BY created, factor", (plain(user),)).fetchall()
            [codes] = db.execute(
                "SELECT COUNT(*) FROM recovery_codes WHERE account = ?", (plain(user),)
            ).fetchone() or (0,)
            required = db.execute(
                "SELECT proof_required FROM accounts WHERE account = ?", (plain(user),)
            ).fetchone()
            return AccountFactors(
                tuple(_factor(*row) for row in found), codes, required=bool(required and required[0])
            )

        return await self._readers.run(read)

    async def begin(self, by: ByProof, factor: NewFactor) -> None:
        """Store a factor that is not active yet, in place of another one that this session began.

        Raises RefusedError if the account has too many, and as ``Authority``.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            user = plain(authority.user)
            if _count(db, authority.user) >= FACTORS:
                raise RefusedError(ErrorCode.LIMIT_REACHED, f"an account has at most {FACTORS} factors")
            # Only its own, and what has no end any more: no session voids what another one sets up (P32).
            db.execute(
                "DELETE FROM second_factors WHERE active = 0 AND account = ?"
                " AND (session = ? OR expires <= ?"
                " OR session NOT IN (SELECT session FROM sessions WHERE account = ?))",
                (user, factor.session, authority.at, user),
            )
            db.execute(
                "INSERT INTO second_factors"
                " (factor, account, kind, name, created, secret, counter, active, session, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
                (
                    factor.id,
                    user,
                    factor.kind.value,
                    factor.name,
                    factor.created,
                    factor.secret,
                    factor.session,
                    factor.expires,
                ),
            )

        await self._writer.submit(authorised(self._clock, by, write))

    async def begun(self, user: UserName, factor: FactorId, session: SessionId) -> FactorRecord | None:
        """Return a factor that this session began to set up, while it may still do so."""
        return await self._readers.row(
            _factor,
            f"SELECT {_COLUMNS} FROM second_factors"  # noqa: S608 - of ours
            " WHERE factor = ? AND account = ? AND session = ? AND active = 0 AND expires > ?",
            factor,
            plain(user),
            session,
            self._clock.now(),
        )

    async def activate(
        self,
        by: BySession,
        factor: FactorRecord,
        *,
        secret: bytes,
        counter: int,
        recovery_codes: Sequence[bytes],
    ) -> bool | None:
        """Make a factor active that this session began; returns whether it is the account's first.

        With the first one the account gets ``recovery_codes``, and every other session ends: they began
        without a factor (journal). None if it was not begun by this session, or is active already. Raises
        RefusedError if the account has ``FACTORS`` by now.
        """
        write = partial(
            _activate, factor=factor, secret=secret, counter=counter, recovery_codes=tuple(recovery_codes)
        )
        return await self._writer.submit(authorised(self._clock, by, write))

    async def replace_recovery_codes(self, by: ByProof, digests: Sequence[bytes]) -> None:
        """Replace the account's recovery codes. Raises RefusedError if it has no factor."""
        new = tuple(digests)

        def write(db: WriteConnection, authority: Authority) -> None:
            if not _count(db, authority.user):
                raise RefusedError(ErrorCode.NOT_NOW, "set up a second factor first")
            _replace_codes(db, authority, new)

        await self._writer.submit(authorised(self._clock, by, write))

    async def remove(self, by: ByProof, factor: FactorId, *, keep_one: bool) -> bool:
        """Remove a factor; after the last one the recovery codes go too. False if there is none.

        With ``keep_one`` the last one stays: raises RefusedError. An account that the operator requires to
        have one keeps it as well.
        """

        def write(db: WriteConnection, authority: Authority) -> bool:
            found = db.execute(
                "SELECT proof_required FROM accounts JOIN second_factors USING (account)"
                " WHERE factor = ? AND account = ? AND active = 1",
                (factor, plain(authority.user)),
            ).fetchone()
            if found is None:
                return False
            if _count(db, authority.user) == 1:
                if keep_one or found[0]:
                    raise RefusedError(
                        ErrorCode.NOT_NOW, "this account needs a second factor; add another one first"
                    )
                _replace_codes(db, authority, ())
            db.execute("DELETE FROM second_factors WHERE factor = ?", (factor,))
            _note_needs_proof(db, authority)
            _void_challenges(db, authority)
            return True

        return await self._writer.submit(authorised(self._clock, by, write))

    async def reset(self, by: ByOperator) -> int:
        """Remove every factor and recovery code, and end all sessions (journal).

        Returns how many factors there were.
        """

        def write(db: WriteConnection, authority: Authority) -> int:
            count = _count(db, authority.user)
            db.execute("DELETE FROM second_factors WHERE account = ?", (plain(authority.user),))
            _note_needs_proof(db, authority)
            _replace_codes(db, authority, ())
            _void_challenges(db, authority)
            end_sessions(db, authority)
            return count

        return await self._writer.submit(authorised(self._clock, by, write))

    async def require(self, by: ByOperator, *, required: bool) -> None:
        """Say whether this account needs a factor; without one its sessions end (journal).

        Raises RefusedError for no such account.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            changed = db.execute(
                "UPDATE accounts SET proof_required = ? WHERE account = ?",
                (int(required), plain(authority.user)),
            )
            if changed.rowcount != 1:
                raise RefusedError(ErrorCode.NOT_FOUND, "there is no such account")
            if required and not _count(db, authority.user):
                end_sessions(db, authority)

        await self._writer.submit(authorised(self._clock, by, write))

    async def put_challenge(self, by: BySession | ByPassword, digest: bytes, challenge: Challenge) -> None:
        """Store a challenge until it expires; over ``CHALLENGES`` of its source their oldest is void.

        Raises as ``Authority``.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            user = plain(authority.user)
            db.execute("DELETE FROM factor_challenges WHERE expires <= ?", (authority.at,))
            db.execute(
                "DELETE FROM factor_challenges WHERE digest IN (SELECT digest FROM factor_challenges"
                " WHERE account = ? AND source = ? ORDER BY expires DESC LIMIT ? OFFSET ?)",
                (user, challenge.source, NO_LIMIT, CHALLENGES - 1),
            )
            db.execute(
                "INSERT INTO factor_challenges"
                " (digest, account, device, session, source, expires, password_version)"
                " SELECT ?, account, ?, ?, ?, ?, password_version FROM accounts WHERE account = ?",
                (
                    digest,
                    plain(challenge.device),
                    challenge.session,
                    challenge.source,
                    challenge.expires,
                    user,
                ),
            )

        await self._writer.submit(authorised(self._clock, by, write))

    async def find_challenge(self, digest: bytes) -> Challenge | None:
        """Return a challenge that can still be answered."""
        return await self._readers.row(
            _challenge,
            "SELECT c.account, c.device, c.session, c.source, c.expires FROM factor_challenges c"
            " JOIN accounts a ON a.account = c.account AND a.password_version = c.password_version"
            " WHERE c.digest = ? AND c.expires > ?",
            digest,
            self._clock.now(),
        )

    async def take_challenge(self, digest: bytes) -> Challenge | None:
        """Use up a challenge: one of any number of callers gets it. None if its account is disabled.

        It comes with the account's password hash: after a new password the challenge is void.
        """
        now = self._clock.now()

        def write(db: WriteConnection) -> Challenge | None:
            row = db.execute(
                "DELETE FROM factor_challenges WHERE digest = ?"
                " RETURNING account, device, session, source, expires, password_version",
                (digest,),
            ).fetchone()
            if row is None or row[4] <= now:
                return None
            live = db.execute(
                "SELECT password_hash FROM accounts"
                " WHERE account = ? AND password_version = ? AND disabled = 0",
                (row[0], row[5]),
            ).fetchone()
            return None if live is None else _challenge(*row[:5], *live)

        return await self._writer.submit(write)


def _activate(
    db: WriteConnection,
    authority: Authority,
    *,
    factor: FactorRecord,
    secret: bytes,
    counter: int,
    recovery_codes: tuple[bytes, ...],
) -> bool | None:
    user, now = authority.user, authority.at
    count = _count(db, user)
    done = db.execute(
        "UPDATE second_factors SET active = 1, secret = ?, counter = ?, created = ?,"
        " session = NULL, expires = NULL"
        " WHERE factor = ? AND account = ? AND session = ? AND active = 0 AND expires > ?",
        (secret, counter, now, factor.id, plain(user), authority.session, now),
    )
    if done.rowcount != 1:
        return None
    if count >= FACTORS:  # each of several sessions began while there was room for one more
        raise RefusedError(ErrorCode.LIMIT_REACHED, f"an account has at most {FACTORS} factors")
    is_first = count == 0
    if is_first:
        _note_needs_proof(db, authority)
        _replace_codes(db, authority, recovery_codes)
        end_sessions(db, authority)
    return is_first


def _note_needs_proof(db: WriteConnection, authority: Authority) -> None:
    """Tell the core whether the account's password is enough."""
    needs_proof = int(_count(db, authority.user) > 0)
    query = "UPDATE accounts SET needs_proof = ? WHERE account = ?"
    db.execute(query, (needs_proof, plain(authority.user)))


def _void_challenges(db: WriteConnection, authority: Authority) -> None:
    """Void every challenge of the account: what they were given for has changed."""
    db.execute("DELETE FROM factor_challenges WHERE account = ?", (plain(authority.user),))


def _count(db: Connection, user: UserName) -> int:
    row = db.execute(
        "SELECT COUNT(*) FROM second_factors WHERE active = 1 AND account = ?", (plain(user),)
    ).fetchone()
    count: int = row[0] if row else 0
    return count


def _replace_codes(db: WriteConnection, authority: Authority, digests: Sequence[bytes]) -> None:
    user = plain(authority.user)
    db.execute("DELETE FROM recovery_codes WHERE account = ?", (user,))
    db.executemany(
        "INSERT INTO recovery_codes (account, digest) VALUES (?, ?)",
        [(user, digest) for digest in digests],
    )


def _factor(
    factor: FactorId,
    account: str,
    kind: str,
    name: str,
    created: Millis,
    last_used: Millis | None,
    secret: bytes,
    counter: int,
) -> FactorRecord:
    return FactorRecord(
        factor, user_name(account), FactorKind(kind), name, created, last_used, secret, counter
    )


def _challenge(
    account: str,
    device: str,
    session: SessionId | None,
    source: str,
    expires: Millis,
    password_hash: str | None = None,
) -> Challenge:
    return Challenge(user_name(account), device_name(device), session, source, expires, password_hash)
