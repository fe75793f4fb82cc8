"""Who may come in: accounts, sessions, tickets, and the count of failed logins, as the store keeps them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from parlour_protocol.ids import Millis, SessionId
from parlour_protocol.names import UserName
from parlour_server.store.types import Account, InviteRecord, NewAccountRecord, SessionRecord, TicketGrant


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
        """Disable or enable; disabling ends all sessions of the account (journal).

        Its devices must be removed from their groups while it is disabled (journal: DevicesChanged).
        """
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
    """Who is logged in, and where. A session is bound to a device with keys by ``Devices.register``."""

    async def create(
        self, session: SessionRecord, *, cap: int, in_use: Collection[SessionId] = frozenset()
    ) -> None:
        """Keep a new session; over ``cap`` of the account others end (journal).

        Expired ones first, then those that are not ``in_use``, then those seen longest ago.
        """
        ...

    async def find(self, token: bytes, now: Millis) -> SessionRecord | None:
        """Return the live session with this token digest.

        None when it ended, expired, or its account is disabled.
        """
        ...

    async def touch(self, seen: Mapping[SessionId, Millis]) -> None:
        """Note when sessions were seen (for the idle limit), in one write."""
        ...

    async def overdue(
        self, sessions: Collection[SessionId], now: Millis, seen_since: Millis
    ) -> Sequence[SessionId]:
        """Return those of ``sessions`` that expired, or were not seen since then (not those that ended)."""
        ...

    async def newest_seen(self) -> Millis | None:
        """Return when any session was seen last; None when there is none."""
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


class Attempts(Protocol):
    """Failed logins by key (an account, an address), kept over a restart (P5: guessing)."""

    async def failures(self, keys: Iterable[str], now: Millis) -> dict[str, tuple[int, Millis]]:
        """Return for each key that has any: the number of failures, and when the last one was."""
        ...

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Note a failure for each key, counting again after ``forget_after`` ms without one."""
        ...

    async def clear(self, keys: Iterable[str]) -> None:
        """Forget the keys."""
        ...
