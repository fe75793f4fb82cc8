"""Second factors, recovery codes, and the challenges that a login or another action answers with them.

A challenge, a recovery code and the half minute of a TOTP code are each used up in the transaction that finds
them: of any number of callers, at any number of servers, one succeeds (L7). Challenges and recovery codes are
digests. The secret of a TOTP factor is stored as it is, because the server computes with it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import RefusedError
from parlour_server.kit.store.accounts.sessions import check_still, end_sessions
from parlour_server.kit.store.engine.column_values import device_name, plain, user_name
from parlour_server.kit.store.engine.connection import Connection, WriteConnection
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.kit.store.engine.writer import Writer
from parlour_server.kit.store.records import AccountFactors, Challenge, FactorRecord, NewFactor

FACTORS: Final = 10
"""The most factors of an account."""
CHALLENGES: Final = 20
"""The most unanswered challenges of an account; then the oldest is void."""
_COLUMNS: Final = "factor, account, kind, name, created, last_used, secret, counter"
_ACTIVE: Final = f"SELECT {_COLUMNS} FROM second_factors WHERE active = 1 AND account = ?"  # noqa: S608 - of ours


class SqlSecondFactors:
    """What people prove themselves with besides their passwords."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        """Use the store's writer and readers; ``clock`` is for what expires, and for the journal."""
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def of(self, user: UserName) -> AccountFactors:
        """Return the account's active factors, and how many recovery codes are left."""

        def read(db: Connection) -> AccountFactors:
            found = db.execute(f"{_ACTIVE} ORDER BY created, factor", (plain(user),)).fetchall()
            [codes] = db.execute(
                "SELECT COUNT(*) FROM recovery_codes WHERE account = ?", (plain(user),)
            ).fetchone() or (0,)
            required = db.execute(
                "SELECT second_factor_required FROM accounts WHERE account = ?", (plain(user),)
            ).fetchone()
            return AccountFactors(
                tuple(_factor(*row) for row in found), codes, required=bool(required and required[0])
            )

        return await self._readers.run(read)

    async def begin(self, factor: NewFactor) -> None:
        """Store a factor that is not active yet, in place of another such one. Raises RefusedError."""

        def write(db: WriteConnection) -> None:
            if _count(db, factor.user) >= FACTORS:
                raise RefusedError(ErrorCode.LIMIT_REACHED, f"an account has at most {FACTORS} factors")
            db.execute("DELETE FROM second_factors WHERE active = 0 AND account = ?", (plain(factor.user),))
            db.execute(
                "INSERT INTO second_factors"
                " (factor, account, kind, name, created, secret, counter, active, session, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
                (
                    factor.id,
                    plain(factor.user),
                    factor.kind.value,
                    factor.name,
                    factor.created,
                    factor.secret,
                    factor.session,
                    factor.expires,
                ),
            )

        await self._writer.submit(write)

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
        factor: FactorRecord,
        session: SessionId,
        *,
        secret: bytes,
        counter: int,
        recovery_codes: Sequence[bytes],
    ) -> bool | None:
        """Make a factor active that this session began; returns whether it is the account's first.

        With the first one the account gets ``recovery_codes``, and every other session ends: they began
        without a factor (journal). None if it was not begun by this session, or is active already.
        """
        return await self._writer.submit(
            partial(
                _activate,
                factor=factor,
                session=session,
                secret=secret,
                counter=counter,
                recovery_codes=tuple(recovery_codes),
                now=self._clock.now(),
            )
        )

    async def use(self, factor: FactorRecord, counter: int) -> bool:
        """Use a factor, whose counter only rises (one that has none stays 0); False if it did not.

        The counter is the half minute of a TOTP code, or the signature counter of a security key.
        """

        def write(db: WriteConnection) -> bool:
            used = db.execute(
                "UPDATE second_factors SET counter = ?1, last_used = ?2"
                " WHERE factor = ?3 AND account = ?4 AND active = 1"
                " AND (counter < ?1 OR (counter = 0 AND ?1 = 0))",
                (counter, self._clock.now(), factor.id, plain(factor.user)),
            )
            return used.rowcount == 1

        return await self._writer.submit(write)

    async def use_recovery_code(self, user: UserName, digest: bytes) -> bool:
        """Use up a recovery code; False if the account has no such code."""

        def write(db: WriteConnection) -> bool:
            used = db.execute(
                "DELETE FROM recovery_codes WHERE account = ? AND digest = ?", (plain(user), digest)
            )
            return used.rowcount == 1

        return await self._writer.submit(write)

    async def replace_recovery_codes(self, user: UserName, digests: Sequence[bytes]) -> None:
        """Replace the account's recovery codes. Raises RefusedError if it has no factor."""
        new = tuple(digests)

        def write(db: WriteConnection) -> None:
            if not _count(db, user):
                raise RefusedError(ErrorCode.NOT_NOW, "set up a second factor first")
            _replace_codes(db, user, new)

        await self._writer.submit(write)

    async def remove(self, user: UserName, factor: FactorId, *, keep_one: bool) -> bool:
        """Remove a factor; after the last one the recovery codes go too. False if there is none.

        With ``keep_one`` the last one stays: raises RefusedError. An account that the operator requires to
        have one keeps it as well.
        """

        def write(db: WriteConnection) -> bool:
            found = db.execute(
                "SELECT second_factor_required FROM accounts JOIN second_factors USING (account)"
                " WHERE factor = ? AND account = ? AND active = 1",
                (factor, plain(user)),
            ).fetchone()
            if found is None:
                return False
            if _count(db, user) == 1:
                if keep_one or found[0]:
                    raise RefusedError(
                        ErrorCode.NOT_NOW, "this account needs a second factor; add another one first"
                    )
                _replace_codes(db, user, ())
            db.execute("DELETE FROM second_factors WHERE factor = ?", (factor,))
            void_challenges(db, user)
            return True

        return await self._writer.submit(write)

    async def reset(self, user: UserName) -> int:
        """Remove every factor and recovery code, and end all sessions; returns how many factors it had."""

        def write(db: WriteConnection) -> int:
            count = _count(db, user)
            db.execute("DELETE FROM second_factors WHERE account = ?", (plain(user),))
            _replace_codes(db, user, ())
            void_challenges(db, user)
            end_sessions(db, user, self._clock.now())
            return count

        return await self._writer.submit(write)

    async def require(self, user: UserName, *, required: bool) -> None:
        """Say whether this account needs a factor; without one its sessions end. Raises RefusedError."""

        def write(db: WriteConnection) -> None:
            changed = db.execute(
                "UPDATE accounts SET second_factor_required = ? WHERE account = ?",
                (int(required), plain(user)),
            )
            if changed.rowcount != 1:
                raise RefusedError(ErrorCode.NOT_FOUND, "there is no such account")
            if required and not _count(db, user):
                end_sessions(db, user, self._clock.now())

        await self._writer.submit(write)

    async def put_challenge(self, digest: bytes, challenge: Challenge) -> None:
        """Store a challenge until it expires; over ``CHALLENGES`` of the account the oldest is void.

        Raises LoginRefusedError if the password was changed meanwhile.
        """

        def write(db: WriteConnection) -> None:
            check_still(db, challenge.user, challenge.password_hash)
            db.execute("DELETE FROM factor_challenges WHERE expires <= ?", (self._clock.now(),))
            db.execute(
                "DELETE FROM factor_challenges WHERE digest IN (SELECT digest FROM factor_challenges"
                " WHERE account = ? ORDER BY expires DESC LIMIT ? OFFSET ?)",
                (plain(challenge.user), CHALLENGES, CHALLENGES - 1),
            )
            db.execute(
                "INSERT INTO factor_challenges (digest, account, device, session, expires)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    digest,
                    plain(challenge.user),
                    plain(challenge.device),
                    challenge.session,
                    challenge.expires,
                ),
            )

        await self._writer.submit(write)

    async def find_challenge(self, digest: bytes) -> Challenge | None:
        """Return a challenge that can still be answered."""
        return await self._readers.row(
            _challenge,
            "SELECT account, device, session, expires FROM factor_challenges"
            " WHERE digest = ? AND expires > ?",
            digest,
            self._clock.now(),
        )

    async def take_challenge(self, digest: bytes) -> Challenge | None:
        """Use up a challenge: one of any number of callers gets it. None if its account is disabled.

        It comes with the account's password hash: a new one would have voided the challenge.
        """
        now = self._clock.now()

        def write(db: WriteConnection) -> Challenge | None:
            row = db.execute(
                "DELETE FROM factor_challenges WHERE digest = ? RETURNING account, device, session, expires",
                (digest,),
            ).fetchone()
            if row is None or row[3] <= now:
                return None
            live = db.execute(
                "SELECT password_hash FROM accounts WHERE account = ? AND disabled = 0", (row[0],)
            ).fetchone()
            return None if live is None else _challenge(*row, *live)

        return await self._writer.submit(write)


def _activate(
    db: WriteConnection,
    *,
    factor: FactorRecord,
    session: SessionId,
    secret: bytes,
    counter: int,
    recovery_codes: tuple[bytes, ...],
    now: Millis,
) -> bool | None:
    user = factor.user
    is_first = not _count(db, user)
    done = db.execute(
        "UPDATE second_factors SET active = 1, secret = ?, counter = ?, created = ?,"
        " session = NULL, expires = NULL"
        " WHERE factor = ? AND account = ? AND session = ? AND active = 0 AND expires > ?",
        (secret, counter, now, factor.id, plain(user), session, now),
    )
    if done.rowcount != 1:
        return None
    if is_first:
        _replace_codes(db, user, recovery_codes)
        end_sessions(db, user, now, but=session)
    return is_first


def void_challenges(db: WriteConnection, user: UserName) -> None:
    """Void every challenge of the account: what they were given for has changed."""
    db.execute("DELETE FROM factor_challenges WHERE account = ?", (plain(user),))


def _count(db: Connection, user: UserName) -> int:
    row = db.execute(
        "SELECT COUNT(*) FROM second_factors WHERE active = 1 AND account = ?", (plain(user),)
    ).fetchone()
    count: int = row[0] if row else 0
    return count


def _replace_codes(db: WriteConnection, user: UserName, digests: Sequence[bytes]) -> None:
    db.execute("DELETE FROM recovery_codes WHERE account = ?", (plain(user),))
    db.executemany(
        "INSERT INTO recovery_codes (account, digest) VALUES (?, ?)",
        [(plain(user), digest) for digest in digests],
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
    account: str, device: str, session: SessionId | None, expires: Millis, password_hash: str | None = None
) -> Challenge:
    return Challenge(user_name(account), device_name(device), session, expires, password_hash)
