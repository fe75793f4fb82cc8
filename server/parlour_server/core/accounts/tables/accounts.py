"""Accounts and invites.

The row of a deleted account stays, closed, so a name never passes to another person. What it wrote may get a
pseudonym as its author. Passwords arrive as hashes, invites as digests.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import PSEUDONYM, UserName, skeleton
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
from parlour_server.core.errors import InviteRefusedError, NameTakenError, RefusedError
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.journal import note_changed, note_role_changed
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import (
    Account,
    AccountEnd,
    AccountOverview,
    InviteRecord,
    NewAccountRecord,
)
from parlour_server.core.store.table_facts import AccountRows

_SELECT: Final = "SELECT account, password_hash, created, disabled, deleted, needs_proof FROM accounts"
_OVERVIEW: Final = """
    SELECT a.account, a.created, a.disabled, a.deleted,
        (SELECT max(s.last_seen) FROM sessions s WHERE s.account = a.account),
        (SELECT count(*) FROM sessions s WHERE s.account = a.account AND s.expires > ?1),
        a.needs_proof, a.proof_required
    FROM accounts a ORDER BY a.account
"""
_LETTERS: Final = "bcdfghjkmnpqrstvwxz"  # none that looks like another, and no words


def _everything(_giver: str, _before: str, /) -> None:
    """Refuse nothing: an operator may give every role."""


class Accounts:
    """Accounts, and the invites that create them."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        clock: Clock,
        *,
        on_disabled_changed: Callable[[WriteConnection, UserName, Millis], None] | None = None,
    ) -> None:
        """Use the store's writer and readers; ``clock`` is for the expiry of invites.

        ``on_disabled_changed`` is called in the transaction that disables an account, or enables it again.
        """
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._on_disabled_changed = on_disabled_changed

    async def create(
        self,
        account: NewAccountRecord,
        invite: bytes | None,
        with_it: Callable[[WriteConnection], None] | None = None,
    ) -> str:
        """Create an account, using the invite with this digest once (None: created by an operator).

        ``with_it`` writes in the same transaction. Returns the invite's role. Raises InviteRefusedError, or
        NameTakenError when the name or its skeleton exists.
        """

        def write(db: WriteConnection) -> str:
            role = _create(db, account, invite)
            if with_it is not None:
                with_it(db)
            return role

        return await self._writer.submit(write)

    async def find(self, user: UserName) -> Account | None:
        """Return the account, disabled or not."""
        return await self._readers.row(_account, f"{_SELECT} WHERE account = ?", plain(user))

    async def list(self) -> Sequence[Account]:
        """Return all accounts in order of name."""
        return await self._readers.rows(_account, f"{_SELECT} ORDER BY account")

    async def overview(self) -> Sequence[AccountOverview]:
        """Return what the operator sees of all accounts, in order of name."""
        return await self._readers.rows(_overview, _OVERVIEW, self._clock.now())

    async def count_needing_proof(self) -> int:
        """Return for how many accounts the password is not enough."""
        query = "SELECT count(*) FROM accounts WHERE needs_proof = 1 AND disabled = 0"
        return await self._readers.row(int, query) or 0

    async def set_password(self, by: ByProof | ByOperator, password_hash: str) -> int:
        """Replace the password and end all sessions but the one that asks (journal).

        Nothing that a capability asked for after the old one holds (``password_version``). Raises
        RefusedError(NOT_FOUND), and as ``Authority``. Returns how many sessions ended.
        """

        def write(db: WriteConnection, authority: Authority) -> int:
            _set(db, authority, column="password_hash", value=password_hash)
            query = "UPDATE accounts SET password_version = password_version + 1 WHERE account = ?"
            db.execute(query, (plain(authority.user),))
            return end_sessions(db, authority)

        return await self._writer.submit(authorised(self._clock, by, write))

    async def set_rehashed(self, by: ByPassword, password_hash: str) -> None:
        """Replace the hash by another one of the same password: no session ends, and nothing is void.

        Raises as ``set_password``.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            _set(db, authority, column="password_hash", value=password_hash)

        await self._writer.submit(authorised(self._clock, by, write))

    async def set_disabled(self, by: ByOperator, *, disabled: bool) -> None:
        """Disable or enable; disabling ends all sessions of the account (journal).

        Raises RefusedError(NOT_FOUND) for no such account.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            _set(db, authority, column="disabled", value=int(disabled))
            if disabled:
                end_sessions(db, authority, AccountEnd.DISABLED)
                _end_invites(db, authority.user)
            if self._on_disabled_changed is not None:
                self._on_disabled_changed(db, authority.user, authority.at)

        await self._writer.submit(authorised(self._clock, by, write))

    async def role(self, user: UserName) -> str:
        """Return the role that an account has now, empty for none, and for no account that may log in."""
        query = "SELECT role FROM accounts WHERE account = ? AND disabled = 0"
        return await self._readers.row(str, query, plain(user)) or ""

    async def roles(self) -> Mapping[UserName, str]:
        """Return the roles of all accounts that have one."""
        query = "SELECT account, role FROM accounts WHERE role <> ''"
        return dict(await self._readers.rows(lambda account, role: (user_name(account), str(role)), query))

    async def set_role(
        self,
        by: BySession | ByOperator,
        user: UserName,
        role: str,
        may_give: Callable[[str, str], None] = _everything,
    ) -> None:
        """Give an account a role (journal): what it may do by its old one ends, with the invites it made.

        ``may_give`` gets the roles that ``by`` and ``user`` have in the transaction, and raises to refuse.
        Raises RefusedError(NOT_FOUND) for no such account, and as ``Authority``.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            if not account_exists(db, user):
                raise RefusedError(ErrorCode.NOT_FOUND, "there is no such account")
            may_give(_role(db, authority.user), before := _role(db, user))
            if before != role:
                _end_invites(db, user)
            db.execute("UPDATE accounts SET role = ? WHERE account = ?", (role, plain(user)))
            note_role_changed(db, authority.at, user)

        await self._writer.submit(authorised(self._clock, by, write))

    async def close(self, by: ByOperator, password_hash: str, others: Iterable[AccountRows]) -> int:
        """Delete an account, as far as every server knows it; returns how many sessions ended (journal).

        It is disabled for good with this hash, which no password matches; ``others`` go, which
        capabilities have. Its name stays taken. Raises RefusedError(NOT_FOUND).
        """

        def write(db: WriteConnection, authority: Authority) -> int:
            user = authority.user
            _set(db, authority, column="password_hash", value=password_hash)
            _set(db, authority, column="disabled", value=1)
            query = "UPDATE accounts SET deleted = ?, needs_proof = 0, proof_required = 0, role = ''"
            db.execute(f"{query} WHERE account = ? AND deleted IS NULL", (authority.at, plain(user)))
            ended = end_sessions(db, authority, AccountEnd.DELETED)
            _end_invites(db, user)
            for table, _ in others:
                db.execute(f"DELETE FROM {table} WHERE account = ?", (plain(user),))  # noqa: S608 - of ours
                note_changed(db, authority.at, table)
            if self._on_disabled_changed is not None:
                self._on_disabled_changed(db, user, authority.at)
            return ended

        return await self._writer.submit(authorised(self._clock, by, write))

    async def add_pseudonym(self, pseudonym: UserName, password_hash: str) -> None:
        """Create an account that is deleted from its beginning: the author of what a deleted one wrote.

        Raises NameTakenError.
        """
        now = self._clock.now()
        record = NewAccountRecord(pseudonym, skeleton(pseudonym), password_hash, now)

        def write(db: WriteConnection) -> None:
            _create(db, record, None)
            query = "UPDATE accounts SET disabled = 1, deleted = ? WHERE account = ?"
            db.execute(query, (now, plain(pseudonym)))

        await self._writer.submit(write)

    async def add_invite(self, *invites: InviteRecord) -> None:
        """Keep invites, all or none."""
        await self._writer.submit(partial(_add_invites, invites=invites))

    async def invite(self, by: BySession, invite: InviteRecord, may_give: Callable[[str], None]) -> None:
        """Keep an invite by someone who is logged in, for as long as they have the role that allows it.

        ``may_give`` gets the role that they have in the transaction, and raises to refuse. Raises what
        ``Authority`` does.
        """

        def write(db: WriteConnection, authority: Authority) -> None:
            may_give(_role(db, authority.user))
            _add_invites(db, [invite], authority.user)

        await self._writer.submit(authorised(self._clock, by, write))

    async def list_invites(self) -> Sequence[InviteRecord]:
        """Return the invites that can still be used, oldest first."""
        return await self._readers.rows(
            InviteRecord,
            "SELECT digest, uses, created, expires, role FROM invites"
            " WHERE expires IS NULL OR expires > ? ORDER BY created, digest",
            self._clock.now(),
        )

    async def revoke_invite(self, digest: bytes) -> bool:
        """Delete an invite; False if there was none."""

        def write(db: Connection) -> bool:
            return db.execute("DELETE FROM invites WHERE digest = ?", (digest,)).rowcount == 1

        return await self._writer.submit(write)


def new_pseudonym() -> str:
    """Return a name for the author of what a deleted account wrote: it says that, and no more."""
    return PSEUDONYM + "".join(secrets.choice(_LETTERS) for _ in range(8))


def account_exists(db: Connection, user: UserName) -> bool:
    """Return whether there is such an account, disabled or not, that was not deleted."""
    query = "SELECT 1 FROM accounts WHERE account = ? AND deleted IS NULL"
    row = db.execute(query, (plain(user),)).fetchone()
    return row is not None


def _add_invites(db: WriteConnection, invites: Sequence[InviteRecord], maker: UserName | None = None) -> None:
    by = None if maker is None else plain(maker)
    db.executemany(
        "INSERT INTO invites (digest, uses, created, expires, role, maker) VALUES (?, ?, ?, ?, ?, ?)",
        [(one.digest, one.uses, one.created, one.expires, one.role, by) for one in invites],
    )


def _end_invites(db: WriteConnection, maker: UserName) -> None:
    """End the invites that someone made by a role that they have no more."""
    db.execute("DELETE FROM invites WHERE maker = ?", (plain(maker),))


def _role(db: Connection, user: UserName) -> str:
    found = db.execute("SELECT role FROM accounts WHERE account = ?", (plain(user),)).fetchone()
    return "" if found is None else str(found[0])


def _create(db: Connection, account: NewAccountRecord, invite: bytes | None) -> str:
    # The invite first: without one, no one learns which names are taken (P4: user enumeration).
    role = "" if invite is None else _role_of(db, invite, account.created)
    if role is None:
        raise InviteRefusedError("this invite does not exist, is used up or has expired")
    taken = db.execute(
        "SELECT 1 FROM accounts WHERE account = ? OR skeleton = ?",
        (plain(account.user), plain(account.skeleton)),
    ).fetchone()
    if taken is not None:
        raise NameTakenError("this name, or one that looks like it, is taken")
    if invite is not None:
        db.execute("DELETE FROM invites WHERE digest = ? AND uses = 1", (invite,))
        db.execute("UPDATE invites SET uses = uses - 1 WHERE digest = ?", (invite,))
    db.execute(
        "INSERT INTO accounts (account, skeleton, password_hash, created, disabled, role)"
        " VALUES (?, ?, ?, ?, 0, ?)",
        (plain(account.user), plain(account.skeleton), account.password_hash, account.created, role),
    )
    return role


def _role_of(db: Connection, invite: bytes, now: Millis) -> str | None:
    """Return the role of an invite that can be used; None if there is none."""
    row = db.execute(
        "SELECT role FROM invites WHERE digest = ? AND (expires IS NULL OR expires > ?)", (invite, now)
    ).fetchone()
    return None if row is None else str(row[0])


def _set(db: WriteConnection, authority: Authority, column: str, value: str | int) -> None:
    query = f"UPDATE accounts SET {column} = ? WHERE account = ?"  # noqa: S608 - columns of ours
    if db.execute(query, (value, plain(authority.user))).rowcount != 1:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such account")


def _overview(
    account: str,
    created: Millis,
    disabled: int,
    deleted: Millis | None,
    last_seen: Millis | None,
    sessions: int,
    needs_proof: int,
    proof_required: int,
) -> AccountOverview:
    return AccountOverview(
        user_name(account),
        created,
        bool(disabled),
        deleted,
        last_seen,
        sessions,
        bool(needs_proof),
        bool(proof_required),
    )


def _account(
    account: str, password_hash: str, created: Millis, disabled: int, deleted: Millis | None, needs_proof: int
) -> Account:
    return Account(user_name(account), password_hash, created, bool(disabled), deleted, bool(needs_proof))
