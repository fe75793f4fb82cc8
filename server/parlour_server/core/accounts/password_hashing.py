"""Password hashing: argon2id with argon2-cffi's default profile, in a bounded thread pool.

``verify`` raises for a wrong password and takes the same time when there is no account (P4: user
enumeration). Work beyond the threads and the queue is refused at once (P6: argon2 as denial of service), and
addresses take turns, so that a stranger's logins wait for each other (L13). Passwords are never truncated.
"""

import asyncio
import contextlib
import os
import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from parlour_protocol.kit.limits import PASSWORD_BYTES
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.accounts.fair_queue import FairQueue
from parlour_server.core.errors import LoginRefusedError, UnavailableError

_T = TypeVar("_T")
_BACKGROUND: Final = 10  # nice value: the event loop has priority when cores are scarce


def cores() -> int:
    """Return how many cores this process may use: a container or taskset may give it fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def normalized(password: Secret) -> str:
    """Return the text to hash: normalised to NFKC once, so that both forms of `é` log in (P2).

    Raises LoginRefusedError for text over the limit, or that is not Unicode.
    """
    value = password.reveal()
    # The cheap check comes first: strangers must not make us normalise megabytes.
    if len(value) > PASSWORD_BYTES.value:
        raise LoginRefusedError
    value = unicodedata.normalize("NFKC", value)
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        raise LoginRefusedError from None
    if len(encoded) > PASSWORD_BYTES.value:
        raise LoginRefusedError
    return value


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Work for a thread, and the future that its caller awaits."""

    work: Callable[[], Any]
    outcome: "asyncio.Future[Any]"


class HashingPool:
    """Hashes and verifies in ``threads`` threads (0: as many as cores).

    At most ``queue`` calls wait, and ``per_address`` of one address. Belongs to one event loop.
    """

    def __init__(
        self,
        *,
        threads: int = 0,
        queue: int = 64,
        per_address: int = 24,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self.threads = threads or cores()
        self._pool = ThreadPoolExecutor(self.threads, "argon2", initializer=_go_behind_the_loop)
        self._waiting: FairQueue[str, _Job] = FairQueue(total=queue, per_key=per_address)
        self._running = 0
        self.refused = 0
        """Calls that were refused, because too many waited."""
        self._no_one = _hash_of_nothing(self._hasher)

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many threads are busy."""
        return self._running

    async def hash(self, password: Secret, *, address: str) -> str:
        """Return argon2id's encoded hash with a new salt. Raises UnavailableError."""
        value = normalized(password)
        return await self._run(address, lambda: self._hasher.hash(value))

    async def verify(self, encoded: str | None, password: Secret, *, address: str) -> str | None:
        """Check a password against a hash; None takes the same time as a hash.

        Returns a new hash if the parameters have risen since (P1), else None. Raises LoginRefusedError
        for a wrong password and UnavailableError when the queue is full.
        """
        value = normalized(password)
        return await self._run(address, lambda: self._verify(encoded or self._no_one, value))

    def unusable(self) -> str:
        """Return a hash that no password matches, for an account that no one may log in to."""
        return _hash_of_nothing(self._hasher)

    def close(self) -> None:
        """Stop the threads: running hashes finish, waiting ones are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, encoded: str, value: str) -> str | None:
        try:
            self._hasher.verify(encoded, value)
        except (VerificationError, InvalidHashError):
            raise LoginRefusedError from None
        return self._hasher.hash(value) if self._hasher.check_needs_rehash(encoded) else None

    async def _run(self, address: str, work: Callable[[], _T]) -> _T:
        key = rate_limit_key(address)
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        job = _Job(work, outcome)
        if self._running < self.threads:
            self._waiting.started(key)
            self._start(key, job)
        else:
            try:
                lost = self._waiting.put(key, job)
            except UnavailableError:
                self.refused += 1
                raise
            if lost is not None and not lost.outcome.done():
                self.refused += 1
                lost.outcome.set_exception(UnavailableError("too many requests are waiting"))
        try:
            return await outcome
        finally:
            self._waiting.remove(key, job)  # a caller that is cancelled while waiting leaves the queue

    def _start(self, key: str, job: _Job) -> None:
        try:
            running = asyncio.wrap_future(self._pool.submit(job.work))
        except RuntimeError:
            self._waiting.finished(key)
            if not job.outcome.done():
                job.outcome.set_exception(UnavailableError("the server is stopping"))
            return
        self._running += 1
        running.add_done_callback(lambda done: self._finished(key, job, done))

    def _finished(self, key: str, job: _Job, done: "asyncio.Future[Any]") -> None:
        """Deliver the result, and start the next job.

        The slot is held until the thread has finished, even if the caller was cancelled.
        """
        self._running -= 1
        self._waiting.finished(key)
        error = UnavailableError("the server is stopping") if done.cancelled() else done.exception()
        if not job.outcome.done():
            if error is not None:
                job.outcome.set_exception(error)
            else:
                job.outcome.set_result(done.result())
        while self._running < self.threads and (following := self._waiting.take()) is not None:
            self._start(*following)


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a hash that no password matches; verifying it takes as long as any."""

    def base64(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${base64(hasher.salt_len)}${base64(hasher.hash_len)}"


def _go_behind_the_loop() -> None:
    # On Linux a nice value belongs to a thread, and argon2's own threads inherit it.
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACKGROUND)
