"""MemoryLogins without a server: throttled, with one answer, and over when they are over."""

import json
from typing import Any

import pytest
from argon2 import PasswordHasher

from parlour_server.standalone.logins import (
    EntryError,
    MalformedLoginError,
    MemoryLogins,
    NoSuchOperationError,
    NotLoggedInError,
    TooManyLoginsError,
)
from parlour_server.testing.clock import FakeClock

PASSWORD = "tigress-violin-marble"
DAY = 86_400


class CountingHasher(PasswordHasher):
    """Counts what it verifies."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002 - the name is argon2's
        self.verified += 1
        return super().verify(hash, password)


HASHER = CountingHasher()


@pytest.fixture
def clock() -> FakeClock:
    """Return the test's clock."""
    return FakeClock()


@pytest.fixture
def logins(clock: FakeClock) -> MemoryLogins:
    """Return logins of ada and ben."""
    return MemoryLogins(
        {name: HASHER.hash(PASSWORD) for name in ("ada", "ben")}, clock.monotonic, hasher=HASHER
    )


async def log_in(
    logins: MemoryLogins, name: str = "ada", password: str = PASSWORD, address: str = "127.0.0.1"
) -> str:
    """Log someone in; return what `ticket` takes."""
    body = json.dumps({"username": name, "password": password}).encode()
    return "Bearer " + (await logins.answer("login", body, None, address))["session"]


async def ticket(logins: MemoryLogins, bearer: str) -> str:
    """Return a first frame with a ticket."""
    found = await logins.answer("ticket", b"", bearer, "127.0.0.1")
    return json.dumps({"type": "open", "ticket": found["ticket"]})


async def test_a_name_that_nobody_has_costs_a_hash(logins: MemoryLogins) -> None:
    """As much as a wrong password, with the same answer (P4)."""
    for name in ("ada", "nina"):
        before = HASHER.verified
        with pytest.raises(NotLoggedInError) as refused:
            await log_in(logins, name, "wrong")
        assert (HASHER.verified - before, str(refused.value)) == (1, "")


async def test_guesses_are_counted_by_account(logins: MemoryLogins, clock: FakeClock) -> None:
    """From whatever address they come, and no password is looked at after some (P5)."""
    for number in range(10):
        with pytest.raises(NotLoggedInError):
            await log_in(logins, "ada", "wrong", f"10.0.0.{number}")
    before = HASHER.verified
    with pytest.raises(TooManyLoginsError):
        await log_in(logins, address="10.0.1.1")
    assert HASHER.verified == before
    clock.forward(60)
    assert await log_in(logins)


async def test_guesses_are_counted_by_address(logins: MemoryLogins) -> None:
    """Whatever name they are at; an IPv6 network is one address."""
    for number in range(50):
        with pytest.raises(NotLoggedInError):
            await log_in(logins, f"nina{number}", "wrong", f"2001:db8::{number:x}")
    with pytest.raises(TooManyLoginsError):
        await log_in(logins, address="2001:db8::ffff")
    assert await log_in(logins, address="2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("operation", "body", "error"),
    [
        ("login", b"", MalformedLoginError),
        ("login", b'{"username":"ada","password":"x","admin":true}', MalformedLoginError),
        ("login", b'{"username":"ada","password":"x","password":"y"}', MalformedLoginError),
        ("ticket", b"", NotLoggedInError),
        ("logout", b"", NotLoggedInError),
        ("delete", b"", NoSuchOperationError),
    ],
)
async def test_what_is_refused(
    logins: MemoryLogins, operation: str, body: bytes, error: type[EntryError]
) -> None:
    """Bodies of another shape, no session, no such operation."""
    for bearer in (None, "", "Bearer ", "Bearer " + "x" * 43):
        with pytest.raises(error):
            await logins.answer(operation, body, bearer, "127.0.0.1")


async def test_a_ticket_opens_one_connection(logins: MemoryLogins) -> None:
    """As the first frame, whole, and once."""
    bearer = await log_in(logins)
    first = await ticket(logins, bearer)
    for wrong in ("", "{}", first.replace('"type": "open", ', ""), first[:-1] + ', "more": 1}'):
        with pytest.raises(NotLoggedInError):
            logins.open(wrong)
    assert logins.open(first).user == "ada"
    with pytest.raises(NotLoggedInError):
        logins.open(first)


async def test_a_ticket_in_a_url_is_used_up(logins: MemoryLogins) -> None:
    """Whatever the query calls it (K1)."""
    first = await ticket(logins, await log_in(logins))
    logins.burn(f"a=b&token={json.loads(first)['ticket']}")
    with pytest.raises(NotLoggedInError):
        logins.open(first)


async def test_tickets_are_limited(logins: MemoryLogins) -> None:
    """An account gets some at once, and another account's are its own."""
    bearer, other = await log_in(logins), await log_in(logins, "ben")
    for _ in range(30):
        await ticket(logins, bearer)
    with pytest.raises(TooManyLoginsError):
        await ticket(logins, bearer)
    assert await ticket(logins, other)


async def test_what_ends_with_a_session(logins: MemoryLogins) -> None:
    """What it opened is closed, and its tickets open nothing (S1)."""
    bearer = await log_in(logins)
    spare, closed = await ticket(logins, bearer), []
    logins.open(await ticket(logins, bearer)).closes.add(lambda: closed.append(True))
    await logins.answer("logout", b"", bearer, "127.0.0.1")
    assert closed == [True]
    with pytest.raises(NotLoggedInError):
        logins.open(spare)
    with pytest.raises(NotLoggedInError):
        await ticket(logins, bearer)


async def test_a_session_expires(logins: MemoryLogins, clock: FakeClock) -> None:
    """After a day it gives no more tickets, and the next login forgets it."""
    bearer = await log_in(logins)
    session = logins.open(await ticket(logins, bearer))
    clock.forward(DAY - 1)
    assert await ticket(logins, bearer)
    assert (logins.seconds_left(session), session.ended) == (1, False)
    clock.forward(1)
    with pytest.raises(NotLoggedInError):
        await ticket(logins, bearer)
    await log_in(logins)
    assert session.ended


async def test_sessions_of_one_account_are_bounded(logins: MemoryLogins, clock: FakeClock) -> None:
    """The oldest ends for one more, and nobody else's."""
    other = await log_in(logins, "ben")
    bearers = []
    for _ in range(21):
        clock.forward(60)
        bearers.append(await log_in(logins))
    with pytest.raises(NotLoggedInError):
        await ticket(logins, bearers[0])
    assert await ticket(logins, bearers[1])
    assert await ticket(logins, other)
