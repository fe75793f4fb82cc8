"""Rate limits of accounts and connections (R1: message flood).

Every frame counts against its connection, by number and by bytes. A command also counts against its account
over all its connections, and creating rooms and inviting people have hourly limits. Reads count against their
account and their address, by number and by the bytes of the answers, so that more connections do not allow
more reads (L26). A request over a limit is refused with the time to wait; nothing is queued.
"""

from typing import Final

from parlour_protocol.frames.requests import (
    AnyRequest,
    CreateRoom,
    History,
    Invite,
    ListBlocked,
    ListInvitations,
    ListMembers,
    ListPins,
    ListRooms,
    MarkRead,
    OpenDirect,
    SetStatus,
    Typing,
)
from parlour_protocol.kit.names import UserName
from parlour_server.chat_settings import ChatRates
from parlour_server.kit.config.server_settings import Rates
from parlour_server.kit.token_buckets import HOUR, MINUTE, KeyedBuckets, TokenBucket, rate_limit_key

_FLEETING: Final = frozenset(
    {
        History,
        MarkRead,
        Typing,
        SetStatus,
        ListMembers,
        ListPins,
        ListRooms,
        ListInvitations,
        ListBlocked,
    }
)
"""Requests that append nothing to any log."""
_READS: Final = frozenset({History, ListMembers, ListPins, ListRooms, ListInvitations, ListBlocked})
"""Of those, the requests whose answers may be large."""
_NOTICES_PER_MINUTE: Final = 60
"""Typing and status changes of one connection that are forwarded; a person makes fewer."""
_NOTICE_BURST: Final = 10
STATUSES_PER_MINUTE: Final = 60
"""Presence changes sent to one connection, at once and per minute; for the others it can ask."""


class ConnectionBudget:
    """What one connection may do."""

    __slots__ = ("_bytes", "_notices", "_requests", "_statuses")

    def __init__(self, rates: Rates, now: float) -> None:
        """Begin with full buckets."""
        self._requests = TokenBucket(
            rates.requests_per_minute, per=MINUTE, burst=rates.request_burst, now=now
        )
        self._bytes = TokenBucket(rates.bytes_per_minute, per=MINUTE, burst=rates.bytes_burst, now=now)
        self._notices = TokenBucket(_NOTICES_PER_MINUTE, per=MINUTE, burst=_NOTICE_BURST, now=now)
        self._statuses = TokenBucket(STATUSES_PER_MINUTE, per=MINUTE, burst=STATUSES_PER_MINUTE, now=now)

    def frame(self, size: int, now: float) -> float:
        """Count a frame of ``size`` bytes; 0.0, or the seconds to wait."""
        return self._requests.take(now) or self._bytes.take(now, size)

    def notice(self, now: float) -> bool:
        """Return whether to forward something ephemeral; otherwise it is dropped silently."""
        return not self._notices.take(now)

    def statuses(self, count: int, now: float) -> int:
        """Return how many statuses, up to ``count``, may be sent to this connection now."""
        may = 0
        while may < count and not self._statuses.take(now):
            may += 1
        return may


class ReadBudget:
    """Limits what each account and each address may read over all connections, by number and by bytes.

    An answer's size is known only once it is made, so bytes are charged then; the next read waits for them.
    """

    __slots__ = ("_bytes", "_reads", "_shares")

    def __init__(self, rates: Rates) -> None:
        """Begin with no one."""
        self._reads: KeyedBuckets[str] = KeyedBuckets(
            rates.reads_per_minute, per=MINUTE, burst=rates.read_burst
        )
        self._bytes: KeyedBuckets[str] = KeyedBuckets(
            rates.read_bytes_per_minute, per=MINUTE, burst=rates.read_bytes_burst
        )
        self._shares = rates.read_shares_per_address

    def ask(self, user: UserName, address: str, now: float) -> float:
        """Count a read; 0.0, or the seconds to wait."""
        wait = 0.0
        for key, share in self._keys(user, address):
            wait = wait or self._bytes.take(key, now, 0.0) or self._reads.take(key, now, share)
        return wait

    def answered(self, user: UserName, address: str, size: int, now: float) -> None:
        """Charge the bytes of an answer."""
        for key, share in self._keys(user, address):
            self._bytes.charge(key, now, size * share)

    def _keys(self, user: UserName, address: str) -> tuple[tuple[str, float], ...]:
        return (f"user {user}", 1.0), (f"address {rate_limit_key(address)}", 1.0 / self._shares)


class AccountBudget:
    """Limits what each account may do over all its connections."""

    __slots__ = ("_invites", "_messages", "_reads", "_rooms")

    def __init__(self, rates: ChatRates) -> None:
        """Begin with no one."""
        self._reads = ReadBudget(rates)
        self._messages: KeyedBuckets[UserName] = KeyedBuckets(
            rates.messages_per_minute, per=MINUTE, burst=rates.message_burst
        )
        self._rooms: KeyedBuckets[UserName] = KeyedBuckets(
            rates.rooms_per_hour, per=HOUR, burst=rates.rooms_per_hour
        )
        self._invites: KeyedBuckets[UserName] = KeyedBuckets(
            rates.invites_per_hour, per=HOUR, burst=rates.invites_per_hour
        )

    def request(self, user: UserName, address: str, frame: AnyRequest, now: float) -> float:
        """Count a request of this account; 0.0, or the seconds to wait."""
        kind = type(frame)
        if kind in _READS:
            return self._reads.ask(user, address, now)
        if kind in _FLEETING:
            return 0.0
        wait = self._messages.take(user, now)
        if wait:
            return wait
        if kind is Invite:
            return self._invites.take(user, now)
        if kind is CreateRoom or kind is OpenDirect:
            return self._rooms.take(user, now)
        return 0.0

    def answered(self, user: UserName, address: str, frame: AnyRequest, size: int, now: float) -> None:
        """Charge the bytes of the answer to a request."""
        if type(frame) in _READS:
            self._reads.answered(user, address, size, now)
