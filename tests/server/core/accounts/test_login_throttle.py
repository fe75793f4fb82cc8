"""P5 (guessing): back-off by account and address that no stranger can turn into a lock-out."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from tests.server.fakes import StoppedClock
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_protocol.kit.ids import Millis
from parlour_server.app.program_store import ProgramStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Logins
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import LoginRefusedError, TooManyAttemptsError
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import Failures
from tests import postgres

SETTINGS = Logins(failures_per_account=3, failures_per_address=6, longest_wait_seconds=60)
HOME, STRANGER = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def throttle(store: ChatStore, clock: Clock) -> LoginThrottle:
    """Return a throttle with low limits."""
    return LoginThrottle(store.attempts, clock, SETTINGS)


async def fail(throttle: LoginThrottle, name: str = "anna", address: str = STRANGER) -> None:
    """Fail once."""
    with pytest.raises(LoginRefusedError):
        async with throttle.attempt(name, address):
            raise LoginRefusedError


async def succeed(throttle: LoginThrottle, name: str = "anna", address: str = STRANGER) -> None:
    """Succeed once."""
    async with throttle.attempt(name, address):
        pass


async def wait_of(throttle: LoginThrottle, name: str = "anna", address: str = STRANGER) -> int:
    """Return the seconds that an attempt must wait now."""
    with pytest.raises(TooManyAttemptsError) as found:
        await succeed(throttle, name, address)
    return found.value.retry_after


async def test_guessing_at_one_account_is_slowed_down(throttle: LoginThrottle, clock: StoppedClock) -> None:
    """P5: after the allowed failures each further one doubles the wait, up to the cap."""
    for _ in range(3):
        await fail(throttle)
    waits = []
    for _ in range(6):
        waits.append(await wait_of(throttle))
        clock.pass_seconds(waits[-1])
        await fail(throttle)
    assert waits == [5, 10, 20, 40, 60, 60]


async def test_guessing_from_many_addresses_is_slowed_down_too(throttle: LoginThrottle) -> None:
    """P5: an account has one counter for all strangers."""
    for number in range(3):
        await fail(throttle, address=f"203.0.113.{number}")
    assert await wait_of(throttle, address="203.0.113.99") > 0


async def test_guessing_at_many_accounts_from_one_address_is_slowed_down(throttle: LoginThrottle) -> None:
    """P5: an address has a counter over all names."""
    for number in range(6):
        await fail(throttle, name=f"user{number}")
    assert await wait_of(throttle, name="another") > 0
    await succeed(throttle, name="another", address=HOME)


async def test_guessing_within_one_ipv6_network_is_one_address(throttle: LoginThrottle) -> None:
    """P5: the owner of a /64 has 2**64 addresses."""
    for number in range(6):
        await fail(throttle, name=f"user{number}", address=f"2001:db8:0:1::{number}")
    assert await wait_of(throttle, name="another", address="2001:db8:0:1:ffff::1") > 0
    await succeed(throttle, name="another", address="2001:db8:0:2::1")


async def test_lock_out_by_strangers_does_not_reach_the_owner_at_home(throttle: LoginThrottle) -> None:
    """P5: where the account was used lately, only the failures made there count."""
    await succeed(throttle, address=HOME)
    for _ in range(3):
        await fail(throttle)
    assert await wait_of(throttle) > 0
    await succeed(throttle, address=HOME)


async def test_lock_out_by_strangers_does_not_reach_where_a_session_is_used(throttle: LoginThrottle) -> None:
    """P5: a ticket asked for from an address makes it familiar, too."""
    await throttle.used("anna", HOME)
    for _ in range(3):
        await fail(throttle)
    await succeed(throttle, address=HOME)


async def test_guessing_from_a_familiar_address_is_slowed_down_as_well(throttle: LoginThrottle) -> None:
    """P5: the household's other people may guess no more than strangers."""
    await succeed(throttle, address=HOME)
    for _ in range(3):
        await fail(throttle, address=HOME)
    assert await wait_of(throttle, address=HOME) > 0


async def test_lock_out_ends_by_itself(throttle: LoginThrottle, clock: StoppedClock) -> None:
    """P5: after the wait, the right password logs in, and failures are forgotten."""
    for _ in range(3):
        await fail(throttle)
    clock.pass_seconds(5)
    await succeed(throttle)
    await fail(throttle)
    await succeed(throttle)


async def test_guessing_between_logins_of_ones_own_is_slowed_down(throttle: LoginThrottle) -> None:
    """P5: a success forgets the account's failures and not the address's."""
    for number in range(6):
        await fail(throttle, name=f"user{number}")
        if number < 5:
            await succeed(throttle, name="mallory")
    assert await wait_of(throttle, name="mallory") > 0


async def guess_at_once(
    attempts: Sequence[tuple[LoginThrottle, str]],
    *,
    refused: int,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> list[type[Exception]]:
    """Guess at these names from one address, all under way before any fails; return how each ended.

    ``meanwhile`` runs when ``refused`` of them were refused at once and the others wait for their outcome.
    """
    outcomes: list[type[Exception]] = []
    release, enough = asyncio.Event(), asyncio.Event()

    async def one(throttle: LoginThrottle, name: str) -> None:
        try:
            async with throttle.attempt(name, STRANGER):
                await release.wait()
                raise LoginRefusedError
        except (LoginRefusedError, TooManyAttemptsError) as error:
            outcomes.append(type(error))
            if len(outcomes) == refused:
                enough.set()

    tasks = [asyncio.ensure_future(one(*attempt)) for attempt in attempts]
    async with asyncio.timeout(60):
        await enough.wait()
    if meanwhile is not None:
        await meanwhile()
    release.set()
    await asyncio.gather(*tasks)
    return outcomes


async def test_guessing_in_parallel_passes_no_more_than_the_limit(throttle: LoginThrottle) -> None:
    """P5: attempts under way count before their outcome is known."""
    outcomes = await guess_at_once([(throttle, "anna")] * 20, refused=17)
    assert outcomes.count(LoginRefusedError) == 3


async def test_guessing_in_parallel_at_many_accounts_passes_no_more_than_the_limit(
    throttle: LoginThrottle,
) -> None:
    """P5, L13: attempts under way count against their address as well, whatever names they try."""
    outcomes = await guess_at_once(
        [(throttle, f"user{number}") for number in range(60)],
        refused=54,
        meanwhile=lambda: succeed(throttle, name="another", address=HOME),
    )
    assert outcomes.count(LoginRefusedError) == 6
    assert not await throttle._attempts.failures([f"under way address:{STRANGER}"])


async def test_guessing_at_several_servers_at_once_passes_no_more_than_the_limit() -> None:
    """P5: servers that share a database count attempts under way together, and failures too."""
    clock, engine = StoppedClock(), postgres.database("kit", SCHEMA)
    stores = [ProgramStore(engine, PROGRAM, clock, tells_by_bus=True) for _ in range(2)]
    for store in stores:
        await store.open()
    throttles = [LoginThrottle(store.attempts, clock, SETTINGS) for store in stores]
    outcomes = await guess_at_once([(throttles[number % 2], "anna") for number in range(20)], refused=17)
    assert outcomes.count(LoginRefusedError) == 3
    for throttle, store in zip(throttles, stores, strict=True):
        assert await wait_of(throttle) > 0
        await store.close()


async def test_attempts_that_begin_at_two_servers_at_once_see_each_other() -> None:
    """P5: the second is checked once the first is counted."""
    clock, engine = StoppedClock(), postgres.database("kit", SCHEMA)
    stores = [ProgramStore(engine, PROGRAM, clock, tells_by_bus=True) for _ in range(2)]
    for store in stores:
        await store.open()
    first_in, second_in = threading.Event(), threading.Event()
    seen: list[Failures] = []

    def first(_found: Failures) -> list[str]:
        first_in.set()
        second_in.wait(0.3)  # in vain: it must not begin
        return ["key"]

    def second(found: Failures) -> list[str]:
        second_in.set()
        seen.append(found)
        return ["key"]

    begun = asyncio.ensure_future(
        stores[0].attempts.begin(["key"], clock.now(), first, forget_after=Millis(1000))
    )
    await asyncio.to_thread(first_in.wait)
    await stores[1].attempts.begin(["key"], clock.now(), second, forget_after=Millis(1000))
    await begun
    assert seen == [{"key": (1, clock.now())}]
    for store in stores:
        await store.close()


async def test_attempts_of_a_server_that_died_are_forgotten(
    throttle: LoginThrottle, store: ChatStore, clock: StoppedClock
) -> None:
    """P5: they count for two minutes, and no one is locked out by them for good."""
    keys = ["under way address:" + STRANGER]
    await store.attempts.begin([], clock.now(), lambda _: keys * 6, forget_after=Millis(120_000))
    assert await wait_of(throttle) > 0
    clock.pass_seconds(121)
    await succeed(throttle)


async def test_guessing_does_not_start_again_with_a_restart(folder: DataFolder, clock: StoppedClock) -> None:
    """P5: failures are on disk."""
    first = CHAT.make_store(SqliteEngine(folder.database), clock)
    await first.open()
    for _ in range(3):
        await fail(LoginThrottle(first.attempts, clock, SETTINGS))
    await first.close()
    second = CHAT.make_store(SqliteEngine(folder.database), clock)
    await second.open()
    try:
        assert await wait_of(LoginThrottle(second.attempts, clock, SETTINGS)) > 0
    finally:
        await second.close()


async def test_a_clock_that_was_set_back_does_not_make_the_wait_longer(
    throttle: LoginThrottle, clock: StoppedClock
) -> None:
    """A clock jump must not lock anyone out."""
    for _ in range(3):
        await fail(throttle)
    clock.pass_seconds(-86_400)
    assert await wait_of(throttle) <= 5


async def test_what_was_typed_is_not_stored(
    store: ChatStore, throttle: LoginThrottle, folder: DataFolder
) -> None:
    """K7: a password typed into the field for the name does not lie in the database."""
    await fail(throttle, name="CANARY-password-in-the-wrong-field")
    await store.close()
    assert b"CANARY" not in b"".join(path.read_bytes() for path in folder.path.glob("parlour.db*"))
    await store.open()
