"""Slows down guessing (P5): counts failed logins by account and by address, across restarts.

Over a limit each further failure doubles the wait, up to a cap: strangers can slow an account down but never
lock it permanently (NIST's limit of a hundred failures would let them). An address from which the account was
used within a week is limited only by its own failures, so strangers cannot keep the owner out at home. An
unknown user name is counted like a known one (P4). Invariants:

* a successful login clears the failures of its account, never those of its address: otherwise anyone with an
  account could guess at others without limit, by logging in between;
* the right password of an account that needs more than that clears nothing: otherwise anyone who knows it
  could guess at the rest without limit, by giving it in between;
* logins in progress count as failures of their account and their address until they finish, so that a burst
  cannot exceed the limit. They are counted in the store, so this holds for servers that share it, too.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.accounts.tables.login_attempts import Attempts
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Logins as LoginSettings
from parlour_server.core.errors import LoginRefusedError, TooManyAttemptsError, UnavailableError
from parlour_server.core.store.records import Failures

_FIRST_WAIT_SECONDS: Final = 5
_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_FAMILIAR_FOR: Final = 7 * _DAY  # a store keeps attempts no longer
_UNDER_WAY: Final = 120_000  # an attempt that takes longer was that of a server that died
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Keys:
    """The counters of one attempt. Names are stored as digests: the text may be a password (K7)."""

    account: str
    pair: str
    familiar: str
    address: str

    @classmethod
    def of(cls, name: str, address: str) -> "_Keys":
        def digest(text: str) -> str:
            return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

        site = rate_limit_key(address)
        both = digest(f"{name}\0{site}")
        return cls(f"account:{digest(name)}", f"pair:{both}", f"familiar:{both}", f"address:{site}")

    @property
    def all(self) -> tuple[str, ...]:
        """These, and those of attempts under way."""
        counted = (self.account, self.pair, self.address)
        return (*counted, self.familiar, *map(_under_way, counted))


@dataclass(slots=True)
class Attempt:
    """One attempt under way."""

    is_complete: bool = True
    """False: what was right so far is not enough to log in, and clears nothing."""


class LoginThrottle:
    """Limits failed logins."""

    def __init__(self, attempts: Attempts, clock: Clock, settings: LoginSettings) -> None:
        self._attempts = attempts
        self._clock = clock
        self._settings = settings
        self._marked: dict[str, Millis] = {}

    @asynccontextmanager
    async def attempt(self, name: str, address: str) -> AsyncIterator[Attempt]:
        """Run one attempt to log in as ``name`` (as typed, normalised).

        Raises TooManyAttemptsError before anything is tried. A LoginRefusedError from the body counts as a
        failure, leaving the body as a success, unless it says that more is needed.
        """
        keys = _Keys.of(name, address)
        # First without a write: what is refused anyway must not hold up others.
        self._check(keys, await self._attempts.failures(keys.all))
        begun = await self._attempts.begin(
            keys.all, self._clock.now(), partial(self._check, keys), forget_after=Millis(_UNDER_WAY)
        )
        mine = keys.pair if _under_way(keys.pair) in begun else keys.account
        attempt = Attempt()
        try:
            yield attempt
        except LoginRefusedError:
            failed = {mine: Millis(_DAY), keys.address: Millis(_HOUR)}
            await self._attempts.end(begun, self._clock.now(), failed=failed)
            raise
        except BaseException:
            with suppress(UnavailableError):  # it is forgotten after a while
                await self._attempts.end(begun, self._clock.now())
            raise
        if not attempt.is_complete:
            await self._attempts.end(begun, self._clock.now())
            return
        await self._attempts.end(begun, self._clock.now(), clear=(keys.account, keys.pair))
        await self.used(name, address)

    async def used(self, name: str, address: str) -> None:
        """Record that the account is used from this address, which is familiar from now on."""
        key = _Keys.of(name, address).familiar
        now = self._clock.now()
        if now - self._marked.get(key, 0) < _DAY:
            return  # one write a day is enough to last for a week
        if len(self._marked) >= _MOST_REMEMBERED:
            self._marked.clear()
        self._marked[key] = now
        await self._attempts.add((key,), now, forget_after=Millis(_FAMILIAR_FOR))

    def _check(self, keys: _Keys, stored: Failures) -> Sequence[str]:
        """Return the keys to count an attempt under way by. Raises TooManyAttemptsError."""
        mine = keys.pair if keys.familiar in self._live(stored, _FAMILIAR_FOR) else keys.account
        wait = max(
            self._wait_for(stored, mine, _DAY, self._settings.failures_per_account),
            self._wait_for(stored, keys.address, _HOUR, self._settings.failures_per_address),
        )
        if wait > 0:
            raise TooManyAttemptsError(wait)
        return _under_way(mine), _under_way(keys.address)

    def _wait_for(self, stored: Failures, key: str, age: int, allowed: int) -> int:
        failures, last = self._live(stored, age).get(key, (0, self._clock.now()))
        under_way, _ = self._live(stored, _UNDER_WAY).get(_under_way(key), (0, last))
        return self._wait(failures + under_way, last, allowed)

    def _wait(self, failures: int, last: Millis, allowed: int) -> int:
        """Return the seconds until the next attempt is allowed."""
        if failures < allowed:
            return 0
        # min() before the shift: strangers control the number of failures, and 2**it must stay small
        doubled = _FIRST_WAIT_SECONDS << min(failures - allowed, 16)
        wait = min(doubled, self._settings.longest_wait_seconds)
        # A clock that was set back must not make the wait longer than intended.
        passed = max(0, self._clock.now() - last) / 1000
        return max(0, -int(-(wait - passed) // 1))

    def _live(self, stored: Failures, age: int) -> Failures:
        now = self._clock.now()
        return {key: value for key, value in stored.items() if now - value[1] <= age}


def _under_way(key: str) -> str:
    return f"under way {key}"
