"""Rate limits of accounts and connections (R1: message flood).

Every frame counts against its connection, by number and by bytes. A request also counts against its account
over all its connections: as a message, by number and by bytes, unless the program's table says otherwise.
Bytes of messages bound what a tunnel through them carries (D25). Reads count against their
account and their address, by number and by the bytes of the answers, so that more connections do not allow
more reads (L26). A request over a limit is refused with the time to wait; nothing is queued.

What counts for an account or an address counts once for each server that shares the database: then together
they allow what one does.
"""

from collections.abc import Mapping
from enum import Enum, auto

from parlour_protocol.kit.frames import Request
from parlour_protocol.kit.limits import REQUEST_FRAME
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import DAY, MINUTE, KeyedBuckets, TokenBucket, rate_limit_key
from parlour_server.core.account_buckets import AccountBuckets
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.quotas import Quotas


class Budget(Enum):
    """The budget of a kind of request, besides a frame of its connection."""

    MESSAGE = auto()
    """A message of its account."""
    READ = auto()
    """A read of its account and its address; so do the bytes of its answer."""
    FREE = auto()
    """Nothing more: for what changes nothing and has a small answer."""


AnyBuckets = KeyedBuckets[UserName] | AccountBuckets
"""Buckets of accounts: of one size for all, or of some with limits of their own."""

Budgets = Mapping[type[Request], Budget | AnyBuckets]
"""The budget of each kind of request of a program: that of messages, unless it is here.

A program's own buckets, one for each account, count besides the message.
"""


class ConnectionBudget:
    """The rate limits of one connection."""

    __slots__ = ("_bytes", "_hits", "_requests")

    def __init__(self, rates: Rates, now: float, hits: LimitHits) -> None:
        """``hits`` counts refusals."""
        self._hits = hits
        self._requests = TokenBucket(
            rates.requests_per_minute, per=MINUTE, burst=rates.request_burst, now=now
        )
        self._bytes = TokenBucket(rates.bytes_per_minute, per=MINUTE, burst=rates.bytes_burst, now=now)

    def frame(self, size: int, now: float) -> float:
        """Count a frame of ``size`` bytes; 0.0, or the seconds to wait."""
        if wait := self._requests.take(now):
            self._hits.hit("rates.requests_per_minute")
        elif wait := self._bytes.take(now, size):
            self._hits.hit("rates.bytes_per_minute")
        return wait


class ReadBudget:
    """Limits what each account and each address may read over all connections, by number and by bytes.

    An answer's size is known only once it is made, so bytes are charged then; the next read waits for them.
    """

    __slots__ = ("_bytes", "_hits", "_nodes", "_reads", "_shares")

    def __init__(self, rates: Rates, quotas: Quotas) -> None:
        """``hits`` counts refusals."""
        self._nodes = quotas.nodes
        self._hits = quotas.hits
        self._reads: KeyedBuckets[str] = KeyedBuckets(
            rates.reads_per_minute, per=MINUTE, burst=rates.read_burst
        )
        self._bytes: KeyedBuckets[str] = KeyedBuckets(
            rates.read_bytes_per_minute, per=MINUTE, burst=rates.read_bytes_burst
        )
        self._shares = rates.read_shares_per_address

    def ask(self, user: UserName, address: str, now: float) -> float:
        """Count a read; 0.0, or the seconds to wait."""
        for key, share in self._keys(user, address):
            if wait := self._bytes.take(key, now, 0.0):
                self._hits.hit("rates.read_bytes_per_minute")
                return wait
            if wait := self._reads.take(key, now, share, times=self._nodes.count):
                self._hits.hit("rates.reads_per_minute")
                return wait
        return 0.0

    def answered(self, user: UserName, address: str, size: int, now: float) -> None:
        """Charge the bytes of an answer."""
        for key, share in self._keys(user, address):
            self._bytes.charge(key, now, size * share * self._nodes.count)

    def _keys(self, user: UserName, address: str) -> tuple[tuple[str, float], ...]:
        return (f"user {user}", 1.0), (f"address {rate_limit_key(address)}", 1.0 / self._shares)


class AccountBudget:
    """The rate limits of each account over all its connections."""

    __slots__ = ("_budgets", "_bytes", "_daily", "_hits", "_messages", "_nodes", "_reads", "reads")

    def __init__(self, rates: Rates, budgets: Budgets, quotas: Quotas) -> None:
        """``budgets`` is the program's table, and that of what the server answers."""
        self._hits, limits = quotas.hits, quotas.accounts
        self._budgets = budgets
        self.reads = frozenset(kind for kind, budget in self._budgets.items() if budget is Budget.READ)
        """Requests whose answers are charged."""
        self._nodes = quotas.nodes
        self._reads = ReadBudget(rates, quotas)
        self._messages = AccountBuckets(
            limits,
            "rates.messages_per_minute",
            rates.messages_per_minute,
            per=MINUTE,
            burst=rates.message_burst,
        )
        self._bytes = AccountBuckets(
            limits,
            "rates.message_bytes_per_minute",
            rates.message_bytes_per_minute,
            per=MINUTE,
            burst=rates.message_bytes_burst,
            least_burst=REQUEST_FRAME.value,
        )
        self._daily = AccountBuckets(
            limits,
            "rates.message_bytes_per_day",
            rates.message_bytes_per_day,
            per=DAY,
            burst=rates.message_bytes_per_day,
        )

    def request(self, user: UserName, address: str, request: Request, size: int, now: float) -> float:
        """Count a request of this account, ``size`` bytes on the wire; 0.0, or the seconds to wait."""
        budget = self._budgets.get(type(request), Budget.MESSAGE)
        if budget is Budget.READ:
            return self._reads.ask(user, address, now)
        if budget is Budget.FREE:
            return 0.0
        wait = (
            self._take(self._messages, user, now)
            or self._take(self._bytes, user, now, size)
            or self._take(self._daily, user, now, size)
        )
        if wait or isinstance(budget, Budget):
            return wait
        return self._take(budget, user, now)

    def _take(self, buckets: AnyBuckets, user: UserName, now: float, amount: float = 1.0) -> float:
        wait = buckets.take(user, now, amount, times=self._nodes.count)
        if wait:
            self._hits.hit(buckets.setting)
        return wait

    def answered(self, user: UserName, address: str, size: int, now: float) -> None:
        """Charge the bytes of the answer to a read."""
        self._reads.answered(user, address, size, now)
