"""The store: the truth about accounts, sessions, rooms and their logs, as interfaces.

Nothing here assumes one process: any number of servers may use one store at once, and administration
commands write to it while they run. Every implementation passes `tests/server/store/contract`.
Promises that hold for all of them:

* what a method returned from is on disk (``Log.append``, ``Rooms.create`` and every other write);
* a method that raised changed nothing;
* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* the rights of an author are decided inside the transaction that appends (``Decide``).

Tokens come in as their SHA-256, never as themselves (K2: stolen store).
"""

from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from parlour_protocol.frames.replies import LogEvent, RoomListing, RoomSummary
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq, SessionId
from parlour_protocol.names import RoomName, UserName
from parlour_server.store.types import (
    Account,
    Appended,
    AppendEvent,
    Facts,
    InviteRecord,
    JournalEntry,
    Membership,
    NewAccountRecord,
    NewRoom,
    SessionRecord,
    TicketGrant,
)

Decide = Callable[[AppendEvent, Facts], None]
"""Called inside the transaction, perhaps in another thread: pure. Raises RefusedError to refuse."""


class Accounts(Protocol):
    """People who may log in, and the invites that make them."""

    async def create(self, account: NewAccountRecord, invite: bytes | None) -> None:
        """Make an account, using up one use of the invite with this digest (None: an administrator).

        Raises InviteRefusedError, or NameTakenError when the name or its skeleton exists.
        """
        ...

    async def find(self, user: UserName) -> Account | None:
        """Return the account, disabled or not."""
        ...

    async def list(self) -> Sequence[Account]:
        """Return all accounts in order of name."""
        ...

    async def set_password(self, user: UserName, password_hash: str) -> None:
        """Replace the hash. Ends nothing by itself."""
        ...

    async def set_disabled(self, user: UserName, *, disabled: bool) -> None:
        """Disable or enable; disabling ends all sessions of the account (journal)."""
        ...

    async def add_invite(self, invite: InviteRecord) -> None:
        """Keep an invite."""
        ...

    async def list_invites(self) -> Sequence[InviteRecord]:
        """Return the invites that can still be used, oldest first."""
        ...

    async def revoke_invite(self, digest: bytes) -> bool:
        """Take an invite away; False when there was none."""
        ...


class Sessions(Protocol):
    """Devices that are logged in."""

    async def create(self, session: SessionRecord, *, cap: int) -> None:
        """Keep a new session; over ``cap`` of the account, the one seen longest ago ends (journal)."""
        ...

    async def find(self, token: bytes, now: Millis) -> SessionRecord | None:
        """Return the live session with this token digest.

        None when it ended, expired, or its account is disabled.
        """
        ...

    async def touch(self, session: SessionId, now: Millis) -> None:
        """Note that the session was seen (for the idle limit)."""
        ...

    async def list(self, user: UserName, now: Millis) -> Sequence[SessionRecord]:
        """Return the account's live sessions, newest first."""
        ...

    async def end(self, user: UserName, session: SessionId) -> bool:
        """End one session of this account; False when it has no such session."""
        ...

    async def end_all(self, user: UserName, *, but: SessionId | None = None) -> int:
        """End all sessions of the account but one; returns how many ended."""
        ...


class Tickets(Protocol):
    """Single-use tickets. Their clock is the implementation's, and it cannot be set back."""

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Keep a ticket (its digest) for so many seconds."""
        ...

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Take the ticket: of any number of callers, at any number of servers, one gets the grant.

        None when there is none, it was taken, it expired, or its session has ended. A ticket is gone
        after any call (K3: replay).
        """
        ...


class Rooms(Protocol):
    """The rooms and who is in them: projections of their logs."""

    async def create(self, room: NewRoom) -> tuple[RoomId, Sequence[LogEvent]]:
        """Make a room with its first events, or return the one that exists.

        Returns the room's id and the events that were appended now (none when this request was done
        before, or the direct room exists). Raises NameTakenError; RefusedError(LIMIT_REACHED) for too
        many rooms.
        """
        ...

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        """Return every room that the user is in."""
        ...

    async def summaries_for(
        self, user: UserName, session: SessionId, now: Millis
    ) -> Sequence[RoomSummary] | None:
        """Return the same for a session that is greeted; None when it has ended, whenever that was."""
        ...

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Return one of them; None when the user is not in it."""
        ...

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        """Return what the user is in the room; None: not a member."""
        ...

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        """Return members in order of name, and whether more follow."""
        ...

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        """Return public rooms in order of name, and whether more follow."""
        ...

    async def find_by_name(self, name: RoomName) -> RoomId | None:
        """Return the public or private room of this name."""
        ...

    async def mark_read(self, user: UserName, room: RoomId, seq: Seq) -> bool:
        """Set the user's read marker; False when the user is not in the room or ``seq`` is not yet there."""
        ...


class Log(Protocol):
    """The events of the rooms."""

    def append(self, event: AppendEvent, decide: Decide) -> "Future[Appended]":
        """Append one event and apply what it means for members, bans, topic and deleted events.

        Calls ``decide`` in the transaction. The future ends when the event is on disk: with RefusedError
        (from ``decide``; or CONFLICT when the request id was used for something else), UnavailableError,
        or the event. Events passed in by one caller keep their order. The same author, request and
        content again gives the first event, with ``replay``.
        """
        ...

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> tuple[Sequence[LogEvent], bool]:
        """Return events in ascending order and whether more lie in the asked direction.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit``, and no more bytes of bodies than ``max_bytes`` (but one event at least).
        """
        ...


class Attempts(Protocol):
    """Failed logins by key (an account, an address), kept over a restart (P5: guessing)."""

    async def failures(self, keys: Iterable[str], now: Millis) -> dict[str, tuple[int, Millis]]:
        """Return for each key that has any: the number of failures, and when the last one was."""
        ...

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Note a failure for each key, counting anew after ``forget_after`` ms without one."""
        ...

    async def clear(self, keys: Iterable[str]) -> None:
        """Forget the keys."""
        ...


class Journal(Protocol):
    """What running servers must hear about: ended sessions, and events that another process appended.

    The bus tells at once; the journal is the truth, polled. Entries older than an hour may be forgotten.
    """

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        ...

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order. Cheap when there are none."""
        ...


class Store(Protocol):
    """All of it. Opened and closed by the composition root."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def rooms(self) -> Rooms: ...
    @property
    def log(self) -> Log: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def journal(self) -> Journal: ...

    async def open(self) -> None:
        """Connect; refuses a schema that is not the newest (SetupError: run `migrate`)."""
        ...

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        ...

    async def check(self) -> None:
        """Raise UnavailableError when a write would fail (for /readyz)."""
        ...


__all__ = [
    "Accounts",
    "Attempts",
    "Decide",
    "Journal",
    "Log",
    "RequestId",
    "Rooms",
    "Sessions",
    "Store",
    "Tickets",
]
