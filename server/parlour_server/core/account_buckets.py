"""Token buckets of accounts, which the operator can give limits of their own (`user limits`)."""

from typing import Final

from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import KeyedBuckets, TokenBucket
from parlour_server.core.account_limits import NONE, AccountLimits

_LEAST_BURST: Final = 1.0


class AccountBuckets:
    """A bucket for each account: of the size that the settings say, or of its own."""

    __slots__ = ("_amount", "_burst", "_everyone", "_least_burst", "_limits", "_own", "_per", "setting")

    def __init__(
        self,
        limits: AccountLimits,
        setting: str,
        amount: float,
        *,
        per: float,
        burst: float,
        least_burst: float = _LEAST_BURST,
    ) -> None:
        """Allow ``amount`` in each ``per`` seconds, and ``burst`` at once.

        An account with a limit for this ``setting`` gets that amount instead, and as much more or less at
        once, but at least ``least_burst``: what one request can take.
        """
        self._limits = limits
        self.setting = setting
        self._amount = amount
        self._per = per
        self._burst = burst
        self._least_burst = least_burst
        self._everyone: KeyedBuckets[UserName] = KeyedBuckets(amount, per=per, burst=burst)
        self._own: dict[UserName, tuple[int, float, TokenBucket]] = {}
        """Of those who have a limit: the limit, the burst, and the bucket."""

    def take(self, user: UserName, now: float, amount: float = 1.0, *, times: int = 1) -> float:
        """Take from the account's bucket: 0.0, or the seconds to wait. See ``KeyedBuckets.take``."""
        own = self._limits.by_name.get(self.setting, NONE).get(user)
        if own is None:
            if self._own:
                self._own.pop(user, None)
            return self._everyone.take(user, now, amount, times=times)
        kept = self._own.get(user)
        if kept is None or kept[0] != own:
            burst = max(self._burst * own / self._amount, self._least_burst)
            kept = own, burst, TokenBucket(own, per=self._per, burst=burst, now=now)
            self._own[user] = kept
        _, burst, bucket = kept
        if amount < burst:
            amount = min(amount * times, burst)
        return bucket.take(now, amount)
