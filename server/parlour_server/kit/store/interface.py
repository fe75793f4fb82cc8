"""The interfaces of what every program stores: accounts, sessions, tickets, failed logins, the journal.

Any number of servers may use one store at once, and commands write to it while they run. Every implementation
guarantees:

* after a write method returns, its change is on disk;
* a method that raises changes nothing;
* a method with ``by`` decides in the transaction of its change whether they may do it. It raises what
  ``Authority`` does.

Tokens are passed only as their SHA-256 (K2: stolen store).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from parlour_protocol.kit.ids import Incarnation, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorId
from parlour_server.kit.store.account_limits import SqlAccountLimits
from parlour_server.kit.store.accounts.authority import ByLogin, ByOperator, ByPassword, ByProof, BySession
from parlour_server.kit.store.address_bans import SqlAddressBans
from parlour_server.kit.store.audit_heads import SqlAuditHeads
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.kit.store.engine.writer import Writer
from parlour_server.kit.store.records import (
    Account,
    AccountFactors,
    AccountOverview,
    Challenge,
    FactorRecord,
    Failures,
    InviteRecord,
    JournalEntry,
    NewAccountRecord,
    NewFactor,
    SessionRecord,
    TicketGrant,
)
from parlour_server.kit.store.server_notices import SqlNotices
from parlour_server.kit.store.shared_nodes import SharedNodes


class Accounts(Protocol):
    """Accounts, and the invites that create them."""

    async def create(self, account: NewAccountRecord, invite: bytes | None) -> str:
        """Create an account, using the invite with this digest once (None: created by an operator).

        Returns the invite's role. Raises InviteRefusedError, or NameTakenError when the name or its skeleton
        exists.
        """
        ...

    async def find(self, user: UserName) -> Account | None:
        """Return the account, disabled or not."""
        ...

    async def list(self) -> Sequence[Account]:
        """Return all accounts in order of name."""
        ...

    async def overview(self) -> Sequence[AccountOverview]:
        """Return what the operator sees of all accounts, in order of name."""
        ...

    async def set_password(self, by: ByProof | ByOperator, password_hash: str) -> int:
        """Replace the password and end all sessions but the one that asks (journal).

        Unanswered challenges are void. Raises RefusedError for no such account. Returns how many sessions
        ended.
        """
        ...

    async def set_rehashed(self, by: ByPassword, password_hash: str) -> None:
        """Replace the hash by another one of the same password: no session ends.

        Otherwise as ``set_password``.
        """
        ...

    async def set_disabled(self, by: ByOperator, *, disabled: bool) -> None:
        """Disable or enable; disabling ends all sessions of the account (journal).

        Its devices must be removed from their groups while it is disabled (journal: DevicesChanged).
        """
        ...

    async def close(self, by: ByOperator, password_hash: str) -> int:
        """Delete an account, as far as every server knows it; returns how many sessions ended (journal).

        It is disabled for good with this hash, which no password matches; second factors, limits and tickets
        go. Its name stays taken. Raises RefusedError for no such account.
        """
        ...

    async def add_pseudonym(self, pseudonym: UserName, password_hash: str) -> None:
        """Create an account that is deleted from its beginning: the author of what a deleted one wrote."""
        ...

    async def add_invite(self, *invites: InviteRecord) -> None:
        """Keep invites, all or none."""
        ...

    async def list_invites(self) -> Sequence[InviteRecord]:
        """Return the invites that can still be used, oldest first."""
        ...

    async def revoke_invite(self, digest: bytes) -> bool:
        """Delete an invite; False if there was none."""
        ...


class Sessions(Protocol):
    """Who is logged in, and where. A session is bound to a device with keys by ``Devices.register``."""

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
        longest ago.
        """
        ...

    async def find(self, token: bytes, now: Millis) -> SessionRecord | None:
        """Return the live session with this token digest.

        None when it ended, expired, or its account is disabled.
        """
        ...

    async def granted_now(self, grant: TicketGrant, now: Millis) -> TicketGrant | None:
        """Return what a ticket grants now, with its session's device and key; None when that has ended."""
        ...

    async def touch(self, seen: Mapping[SessionId, Millis]) -> None:
        """Record when sessions were seen (for the idle limit), in one write."""
        ...

    async def overdue(
        self, sessions: Collection[SessionId], now: Millis, seen_since: Millis
    ) -> Sequence[SessionId]:
        """Return those of ``sessions`` that have expired or were not seen since (not those that ended)."""
        ...

    async def newest_seen(self) -> Millis | None:
        """Return when any session was seen last; None when there is none."""
        ...

    async def list(self, user: UserName, now: Millis) -> Sequence[SessionRecord]:
        """Return the account's live sessions, newest first."""
        ...

    async def all(self, now: Millis) -> Sequence[SessionRecord]:
        """Return the live sessions of all accounts, by account, newest first."""
        ...

    async def end(self, by: BySession | ByOperator, session: SessionId) -> bool:
        """End one session of the account; False when it has no such session."""
        ...

    async def end_all(self, by: ByOperator) -> int:
        """End all sessions of the account; returns how many ended."""
        ...


class SecondFactors(Protocol):
    """Second factors, recovery codes and challenges; challenges and codes are passed as their digests.

    What is used once is used up in the transaction that finds it, or that it allows: of any number of
    callers, at any number of servers, one succeeds (L7).
    """

    async def of(self, user: UserName) -> AccountFactors:
        """Return the account's active factors."""
        ...

    async def begin(self, by: ByProof, factor: NewFactor) -> None:
        """Store a factor that is not active yet, in place of another one that this session began.

        Raises RefusedError if the account has too many.
        """
        ...

    async def begun(self, user: UserName, factor: FactorId, session: SessionId) -> FactorRecord | None:
        """Return a factor that this session began to set up, while it may still do so."""
        ...

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

        With the first one the account gets ``recovery_codes``, and every other session ends, because it began
        without a factor (journal). None if this session did not begin it, or it is active already.
        """
        ...

    async def replace_recovery_codes(self, by: ByProof, digests: Sequence[bytes]) -> None:
        """Replace the account's recovery codes. Raises RefusedError if it has no factor."""
        ...

    async def remove(self, by: ByProof, factor: FactorId, *, keep_one: bool) -> bool:
        """Remove a factor, with the last one the recovery codes too; False if there is none.

        Raises RefusedError for the last one with ``keep_one``, or if the operator requires one.
        """
        ...

    async def reset(self, by: ByOperator) -> int:
        """Remove every factor and recovery code, and end all sessions (journal); returns the factors."""
        ...

    async def require(self, by: ByOperator, *, required: bool) -> None:
        """Say whether this account needs a factor; without one its sessions end (journal).

        Raises RefusedError for no such account.
        """
        ...

    async def put_challenge(self, by: BySession | ByPassword, digest: bytes, challenge: Challenge) -> None:
        """Store a challenge until it expires. Too many of its source: their oldest is void."""
        ...

    async def find_challenge(self, digest: bytes) -> Challenge | None:
        """Return a challenge that can still be answered."""
        ...

    async def take_challenge(self, digest: bytes) -> Challenge | None:
        """Use up a challenge: one of any number of callers gets it. None if its account is disabled.

        It comes with the account's password hash, which is the one that the challenge was given after.
        """
        ...


class Tickets(Protocol):
    """Single-use tickets. The implementation's clock is monotonic."""

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Store a ticket's digest for this many seconds."""
        ...

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Redeem the ticket: of any number of callers, at any number of servers, one gets the grant.

        None if it does not exist, was redeemed or expired, or its session has ended. Every call invalidates
        the ticket (K3: replay).
        """
        ...


class Attempts(Protocol):
    """Failed logins by key (an account, an address), kept across restarts (P5: guessing)."""

    async def failures(self, keys: Iterable[str]) -> Failures:
        """Return for each key that has any: the number of failures, and when the last one was."""
        ...

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Add a failure for each key; after ``forget_after`` ms without one, counting starts again."""
        ...

    async def begin(
        self,
        keys: Iterable[str],
        now: Millis,
        check: Callable[[Failures], Sequence[str]],
        *,
        forget_after: Millis,
    ) -> Sequence[str]:
        """Add one for each key that ``check`` returns, unless it raises; returns these keys.

        In one transaction, beside which no other of any server runs. ``check`` gets the failures of ``keys``
        and must be pure. The keys returned are those of attempts under way.
        """
        ...

    async def end(
        self,
        begun: Iterable[str],
        now: Millis,
        *,
        failed: Mapping[str, Millis] | None = None,
        clear: Iterable[str] = (),
    ) -> None:
        """End an attempt under way: with failures (each with its ``forget_after``), or keys to forget."""
        ...


class Journal(Protocol):
    """Notifications for running servers: ended sessions, and what else a program must notice.

    An entry is written in the transaction of its change. The bus is faster; the journal is authoritative, and
    polled. Entries older than an hour may be deleted.
    """

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        ...

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order. Cheap when there are none."""
        ...


class KitStore(Protocol):
    """The store, as every server needs it. The composition root opens and closes it."""

    @property
    def incarnation(self) -> Incarnation:
        """The incarnation of the logs, once the store is open; a restored backup gets a new one."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several servers may use it at once."""
        ...

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def second_factors(self) -> SecondFactors: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def audit_heads(self) -> SqlAuditHeads: ...
    @property
    def account_limits(self) -> SqlAccountLimits: ...
    @property
    def address_bans(self) -> SqlAddressBans: ...
    @property
    def notices(self) -> SqlNotices: ...
    @property
    def nodes(self) -> SharedNodes | None:
        """The servers that share the store; None for the store of one server."""
        ...

    @property
    def writer(self) -> Writer: ...
    @property
    def readers(self) -> Readers: ...

    async def count_rows(self, now: Millis, own: Collection[UserName]) -> Sequence[float]:
        """Return the number of people's accounts, and of sessions that have not expired.

        ``own`` are the program's accounts. Raises UnavailableError.
        """
        ...

    @property
    def is_damaged(self) -> bool:
        """Whether a read or a write has found stored data damaged since the start."""
        ...

    async def open(self) -> None:
        """Connect. Raises SetupError for an old schema (run `migrate`)."""
        ...

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        ...

    async def check(self) -> None:
        """Raise UnavailableError if a write would fail (for /readyz)."""
        ...

    async def prune(self, now: Millis) -> int:
        """Remove a batch of data that expired months ago; returns the number of rows, 0 when done.

        Expired sessions and invites, old failed logins, and what the program adds. Raises UnavailableError.
        """
        ...
