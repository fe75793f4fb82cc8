"""Passwords, sessions and tickets of a server in one process.

A login is throttled by account and by address before anything is hashed (P5), an unknown name costs and gets
the same as a wrong password (P4), only digests of tokens are kept (K2), and a session that ends closes what
it opened (S1). The clock is the caller's monotonic one. Parlour's own server keeps its accounts in a
database (`core/accounts/`), and does more.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import ClassVar, Final
from urllib.parse import parse_qsl

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from parlour_protocol.kit.codec import frame_decoder, strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.limits import TICKET_SECONDS
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.tickets import SingleUseTickets, TooManyTicketsError
from parlour_protocol.kit.token_buckets import DAY, MINUTE, KeyedBuckets, rate_limit_key

_TICKETS: Final = 10_000
_SESSIONS_OF_ONE: Final = 20
_HASHES_AT_ONCE: Final = 4  # each takes 64 MiB (P6)


class EntryError(Exception):
    """A login, session or ticket that is refused, with the status of the answer."""

    status: ClassVar[int]


class MalformedLoginError(EntryError):
    """The body is not a login."""

    status = 400


class NoSuchOperationError(EntryError):
    """It is none of `login`, `ticket` and `logout`."""

    status = 404


class NotLoggedInError(EntryError):
    """A wrong password or an unknown name, or a session or ticket that is none; it never says which."""

    status = 401


class TooManyLoginsError(EntryError):
    """Too many logins, or tickets, in a short time: try again later."""

    status = 429


class Login(Payload, frozen=True):
    """The body of a login."""

    username: UserName
    password: Secret


class Open(Frame, frozen=True, tag="open"):
    """The first frame of a connection. A browser can't set a header, and a URL is in logs (K1)."""

    ticket: Secret


_read_login: Final[Callable[[bytes], Login]] = strict_decoder(Login)
_read_first: Final = frame_decoder(Open)


def read_hashes(file: str) -> dict[str, str]:
    """Read a JSON object of user names and argon2id's hashes."""
    return msgspec.json.decode(Path(file).read_bytes(), type=dict[str, str])


@dataclass(eq=False, slots=True)
class LoginSession:
    """Someone who is logged in, and what to close when that ends."""

    user: UserName
    until: float
    """By the clock of ``MemoryLogins``."""
    closes: set[Callable[[], object]] = field(default_factory=set)
    """Called once, when the session ends."""
    ended: bool = False

    def end(self) -> None:
        """End it, and close what it opened."""
        self.ended = True
        for close in tuple(self.closes):
            close()


class MemoryLogins:
    """Who may log in, and who has."""

    def __init__(
        self,
        hashes: Mapping[str, str],
        now: Callable[[], float],
        *,
        hasher: PasswordHasher | None = None,
        session_seconds: float = DAY,
    ) -> None:
        """``hashes`` are argon2id's, by user name; ``now`` is a monotonic clock in seconds."""
        self._hashes = hashes
        self._now = now
        self._hasher = hasher or PasswordHasher()
        self._session_seconds = session_seconds
        self._hashing = BoundedSemaphore(_HASHES_AT_ONCE)
        self._no_one = self._hasher.hash(Secret.random().reveal())
        self._by_account: KeyedBuckets[str] = KeyedBuckets(1, per=MINUTE, burst=10)
        self._by_address: KeyedBuckets[str] = KeyedBuckets(10, per=MINUTE, burst=50)
        self._ticket_rates: KeyedBuckets[str] = KeyedBuckets(30, per=MINUTE, burst=30)
        self._sessions: dict[bytes, LoginSession] = {}
        self._tickets: SingleUseTickets[LoginSession] = SingleUseTickets(_TICKETS)

    async def answer(
        self, operation: str, body: bytes, authorization: str | None, address: str
    ) -> dict[str, str]:
        """Answer a POST: `login` returns a `session`, which `ticket` and `logout` take as the bearer.

        ``authorization`` is the header of that name. Raises EntryError with the status of a refusal.
        """
        match operation:
            case "login":
                login = self._attempt(body, address)
                await asyncio.to_thread(self._check, login)
                return {"session": self._begin(login.username).reveal()}
            case "ticket":
                return {"ticket": self._ticket(_bearer(authorization)).reveal()}
            case "logout":
                self._log_out(_bearer(authorization))
                return {}
            case _:
                raise NoSuchOperationError

    def _attempt(self, body: bytes, address: str) -> Login:
        """Read and count a login, before its password is looked at."""
        try:
            login = _read_login(body)
        except MalformedFrameError:
            raise MalformedLoginError from None
        now = self._now()
        if self._by_address.take(rate_limit_key(address), now) or self._by_account.take(login.username, now):
            raise TooManyLoginsError
        return login

    def _check(self, login: Login) -> None:
        """Verify a password, in a thread: it takes tens of milliseconds."""
        # An unknown name costs a hash, too, which no password has.
        encoded = self._hashes.get(login.username, self._no_one)
        with self._hashing:
            try:
                self._hasher.verify(encoded, login.password.reveal())
            except VerifyMismatchError:
                raise NotLoggedInError from None

    def _begin(self, username: UserName) -> Secret:
        """Return the token of a new session; the oldest of too many of one account ends."""
        now = self._now()
        for digest, session in tuple(self._sessions.items()):
            if session.until <= now:
                self._end(digest)
        mine = [digest for digest, session in self._sessions.items() if session.user == username]
        if len(mine) >= _SESSIONS_OF_ONE:
            self._end(mine[0])
        token = Secret.random()
        self._sessions[token.digest()] = LoginSession(username, now + self._session_seconds)
        return token

    def _ticket(self, session: bytes) -> Secret:
        found, now = self._live(self._sessions.get(session)), self._now()
        if self._ticket_rates.take(found.user, now):
            raise TooManyLoginsError
        ticket = Secret.random()
        try:
            self._tickets.put(ticket.digest(), found, now=now, seconds=TICKET_SECONDS.value)
        except TooManyTicketsError:
            raise TooManyLoginsError from None
        return ticket

    def open(self, first: str) -> LoginSession:
        """Use up the ticket in a first frame; return its session. Raises NotLoggedInError."""
        try:
            ticket = _read_first(first).ticket
        except MalformedFrameError:
            raise NotLoggedInError from None
        return self._live(self._tickets.take(ticket.digest(), self._now()))

    def seconds_left(self, session: LoginSession) -> float:
        """Return when the session expires."""
        return session.until - self._now()

    def burn(self, query: str) -> None:
        """Use up the tickets in the query of a URL, which may be in a log (K1)."""
        for _, ticket in parse_qsl(query):
            self._tickets.take(Secret(ticket).digest(), self._now())

    def _log_out(self, session: bytes) -> None:
        self._live(self._sessions.get(session))
        self._end(session)

    def _live(self, session: LoginSession | None) -> LoginSession:
        if session is None or session.ended or session.until <= self._now():
            raise NotLoggedInError
        return session

    def _end(self, digest: bytes) -> None:
        self._sessions.pop(digest).end()


def _bearer(authorization: str | None) -> bytes:
    return Secret((authorization or "").removeprefix("Bearer ")).digest()
