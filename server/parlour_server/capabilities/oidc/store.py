"""Company accounts and pending logins in the database. Secrets arrive here sealed, or as digests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_server.core.accounts.tables.authority import Authority, ByOperator, authorised
from parlour_server.core.accounts.tables.sessions import end_sessions
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError, TooManyAttemptsError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import device_name, plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection

MOST: Final = 1_000
MOST_OF_SOURCE: Final = 20
_BUSY_SECONDS: Final = 15
"""While one poll asks the provider, no other does."""
_TOO_MANY_SECONDS: Final = 60
_DUE: Final = (
    "SELECT account, issuer, subject, checked, due, refresh FROM oidc_accounts o"
    " WHERE refresh IS NOT NULL AND due <= ?1"
    " AND EXISTS (SELECT 1 FROM sessions s WHERE s.account = o.account AND s.expires > ?1)"
    " ORDER BY due LIMIT ?2"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at a provider: nothing else tells who someone is."""

    issuer: str
    subject: str

    @property
    def place(self) -> bytes:
        """What their refresh token is sealed for."""
        return f"{self.issuer}\n{self.subject}".encode()


@dataclass(frozen=True, slots=True)
class Linked:
    """An account, and whose it is."""

    user: UserName
    identity: Identity
    checked: Millis
    due: Millis
    refresh: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login that waits for the browser."""

    sealed: bytes = field(repr=False)
    device: DeviceName
    key: bytes | None
    source: str
    began: Millis
    wait: int
    """Seconds between two polls."""
    expires: Millis


class OidcStore:
    """The tables of company logins."""

    def __init__(self, store: KitStore, clock: Clock) -> None:
        """``clock`` is that of the store, for what expires."""
        self._writer = store.writer
        self._readers = store.readers
        self._clock = clock

    async def refuse_more(self, source: str) -> None:
        """Raise TooManyAttemptsError while too many logins wait, of this address or in all."""
        now = self._clock.now()
        await self._readers.run(lambda db: _refuse_more(db, source, now))

    async def begin(self, digest: bytes, login: PendingLogin) -> None:
        """Keep a login until it expires. Raises TooManyAttemptsError."""

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM oidc_logins WHERE expires <= ?", (login.began,))
            _refuse_more(db, login.source, login.began)
            db.execute(
                "INSERT INTO oidc_logins"
                " (digest, sealed, device, public_key, source, began, wait, next_poll, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    digest,
                    login.sealed,
                    plain(login.device),
                    login.key,
                    login.source,
                    login.began,
                    login.wait,
                    login.began,
                    login.expires,
                ),
            )

        await self._writer.submit(write)

    async def claim(self, digest: bytes) -> tuple[PendingLogin, bool] | None:
        """Return a pending login, and whether it is this caller's turn to ask the provider; None for none."""
        now = self._clock.now()

        def write(db: WriteConnection) -> tuple[PendingLogin, bool] | None:
            row = db.execute(
                "SELECT sealed, device, public_key, source, began, wait, expires FROM oidc_logins"
                " WHERE digest = ? AND expires > ?",
                (digest, now),
            ).fetchone()
            if row is None:
                return None
            turn = db.execute(
                "UPDATE oidc_logins SET next_poll = ? WHERE digest = ? AND next_poll <= ?",
                (now + _BUSY_SECONDS * 1_000, digest, now),
            )
            sealed, device, *rest = row
            return PendingLogin(sealed, device_name(device), *rest), turn.rowcount == 1

        return await self._writer.submit(write)

    async def wait(self, digest: bytes, seconds: int) -> None:
        """Let the login be asked about after so many seconds, and no sooner from then on."""
        next_poll = self._clock.now() + seconds * 1_000
        query = "UPDATE oidc_logins SET wait = ?, next_poll = ? WHERE digest = ?"
        await self._writer.submit(lambda db: db.execute(query, (seconds, next_poll, digest)).rowcount)

    async def take(self, digest: bytes) -> bool:
        """Use a login up: one of any number of callers gets it."""
        query = "DELETE FROM oidc_logins WHERE digest = ?"
        return await self._writer.submit(lambda db: db.execute(query, (digest,)).rowcount) == 1

    async def account_of(self, identity: Identity) -> UserName | None:
        """Return the account of a person."""
        query = "SELECT account FROM oidc_accounts WHERE issuer = ? AND subject = ?"
        return await self._readers.row(user_name, query, identity.issuer, identity.subject)

    async def linked(self, user: UserName | None = None) -> Sequence[Linked]:
        """Return the links of all accounts, or of one, in order of name."""
        query = "SELECT account, issuer, subject, checked, due, refresh FROM oidc_accounts"
        if user is None:
            return await self._readers.rows(_linked, f"{query} ORDER BY account")
        return await self._readers.rows(_linked, f"{query} WHERE account = ?", plain(user))

    async def link(self, user: UserName, identity: Identity) -> None:
        """Make an account the person's. Raises RefusedError if either has another one."""
        await self._writer.submit(self.linking(user, identity))

    def linking(self, user: UserName, identity: Identity) -> Callable[[WriteConnection], None]:
        """Return ``link`` for the transaction that makes the account."""
        now = self._clock.now()

        def write(db: WriteConnection) -> None:
            query = "SELECT account FROM oidc_accounts WHERE account = ? OR (issuer = ? AND subject = ?)"
            row = db.execute(query, (plain(user), identity.issuer, identity.subject)).fetchone()
            if row is not None:
                raise RefusedError(ErrorCode.CONFLICT, f"{row[0]} is linked already; unlink it first")
            db.execute(
                "INSERT INTO oidc_accounts (account, issuer, subject, checked, due) VALUES (?, ?, ?, ?, ?)",
                (plain(user), identity.issuer, identity.subject, now, now),
            )

        return write

    async def unlink(self, by: ByOperator) -> bool:
        """Take the link away, and end all sessions of the account (journal); False if it had none."""

        def write(db: WriteConnection, authority: Authority) -> bool:
            query = "DELETE FROM oidc_accounts WHERE account = ?"
            if db.execute(query, (plain(authority.user),)).rowcount != 1:
                return False
            end_sessions(db, authority)
            return True

        return await self._writer.submit(authorised(self._clock, by, write))

    async def log_in(self, identity: Identity, refresh: bytes, due: Millis, id_token: bytes) -> bool:
        """Keep what a login brought. False if the link is gone, or its ID token is that of the last login."""
        now = self._clock.now()
        query = (
            "UPDATE oidc_accounts SET refresh = ?, checked = ?, due = ?, id_token = ?"
            " WHERE issuer = ? AND subject = ? AND (id_token IS NULL OR id_token <> ?)"
        )
        values = (refresh, now, due, id_token, identity.issuer, identity.subject, id_token)
        return await self._writer.submit(lambda db: db.execute(query, values).rowcount) == 1

    async def to_check(self, most: int) -> Sequence[Linked]:
        """Return accounts with a live session that are due, the longest first."""
        return await self._readers.rows(_linked, _DUE, self._clock.now(), most)

    async def claim_check(self, account: Linked, again: Millis) -> bool:
        """Let this server check an account: one of several does, because a refresh token works once."""
        query = "UPDATE oidc_accounts SET due = ? WHERE account = ? AND due = ? AND refresh = ?"
        values = (again, plain(account.user), account.due, account.refresh)
        return await self._writer.submit(lambda db: db.execute(query, values).rowcount) == 1

    async def checked(self, account: Linked, refresh: bytes, due: Millis) -> None:
        """Keep the new refresh token, unless a login brought another one meanwhile."""
        now = self._clock.now()
        query = "UPDATE oidc_accounts SET refresh = ?, checked = ?, due = ? WHERE account = ? AND refresh = ?"
        values = (refresh, now, due, plain(account.user), account.refresh)
        await self._writer.submit(lambda db: db.execute(query, values).rowcount)

    async def end(self, account: Linked) -> int:
        """End all sessions of an account (journal), unless someone has logged in to it meanwhile."""

        def write(db: WriteConnection, authority: Authority) -> int:
            query = "UPDATE oidc_accounts SET refresh = NULL WHERE account = ? AND refresh = ?"
            if db.execute(query, (plain(account.user), account.refresh)).rowcount != 1:
                return 0
            return end_sessions(db, authority)

        return await self._writer.submit(authorised(self._clock, ByOperator(account.user), write))


def _refuse_more(db: Connection, source: str, now: Millis) -> None:
    query = (
        "SELECT count(*), coalesce(sum(CASE WHEN source = ? THEN 1 ELSE 0 END), 0)"
        " FROM oidc_logins WHERE expires > ?"
    )
    of_all, of_source = db.execute(query, (source, now)).fetchone() or (0, 0)
    if of_all >= MOST or of_source >= MOST_OF_SOURCE:
        raise TooManyAttemptsError(_TOO_MANY_SECONDS)


def _linked(
    account: str, issuer: str, subject: str, checked: Millis, due: Millis, refresh: bytes | None
) -> Linked:
    return Linked(user_name(account), Identity(issuer, subject), checked, due, refresh)
