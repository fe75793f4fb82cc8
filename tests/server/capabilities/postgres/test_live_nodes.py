"""What servers that share a database know of each other: real stores on one PostgreSQL, and turned clocks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.token_buckets import MINUTE, KeyedBuckets
from parlour_server.app.program_store import ProgramStore
from parlour_server.capabilities.postgres.live_nodes import LEASE_SECONDS, SNAPSHOT_SECONDS, LiveNodes
from parlour_server.capabilities.postgres.shared_nodes import SharedNodes
from parlour_server.core.clock import SteadyClock
from parlour_server.core.net.connection_slots import ConnectionSlots
from parlour_server.core.quotas import Quotas
from tests import postgres

ADA, BOB = parse_user_name("ada"), parse_user_name("bob")
Begin = Callable[..., Awaitable[LiveNodes]]


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    """Start servers on one database."""
    engine = postgres.database("kit", SCHEMA)
    stores: list[ProgramStore] = []

    async def begin(clock: FakeClock | None = None) -> LiveNodes:
        steady = SteadyClock(clock or FakeClock())
        stores.append(ProgramStore(engine, PROGRAM, steady, tells_by_bus=True))
        await stores[-1].open()
        nodes = LiveNodes(SharedNodes(stores[-1].writer), steady, "127.0.0.1:0", outage_seconds=30)
        await nodes.beat()
        return nodes

    yield begin
    for store in stores:
        await store.close()


def database(statement: str) -> None:
    """Change something in the database."""
    with psycopg.connect(postgres.dsn("kit")) as connection:
        connection.execute(statement.encode())


def end_leases_of_others(nodes: LiveNodes) -> None:
    """Let the time of a lease pass for all servers but one."""
    database(f"UPDATE nodes SET until = until - {LEASE_SECONDS * 1000} WHERE node != '{nodes.id}'")  # noqa: S608


async def test_servers_are_counted_while_they_renew_their_leases(begin: Begin):
    """One that stops is gone at once, one that dies with its lease; one that wakes again is back."""
    one, two, three = await begin(), await begin(), await begin()
    await one.beat()
    assert one.count == 3
    await three.leave()
    await one.beat()
    assert one.count == 2
    end_leases_of_others(one)
    await one.beat()
    assert one.count == 1
    await two.beat()
    await one.beat()
    assert one.count == two.count == 2


async def test_servers_whose_leases_all_ended_wait_for_each_other_in_no_circle(begin: Begin):
    """After an outage each takes its own row first: while it waits for that, it holds none of another one."""
    one, two = await begin(), await begin()
    database(f"UPDATE nodes SET until = until - {LEASE_SECONDS * 1000}")  # noqa: S608
    lock = "SELECT node FROM nodes WHERE node = %s FOR UPDATE NOWAIT"
    async with await psycopg.AsyncConnection.connect(postgres.dsn("kit")) as third:
        await third.execute(lock, (one.id,))
        renewing = asyncio.ensure_future(one.beat())
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'kit'"
        while (await (await third.execute(waiting)).fetchone()) == (0,):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
        await third.execute(lock, (two.id,))
    await renewing
    await two.beat()
    await one.beat()
    assert one.count == two.count == 2


async def test_limits_are_divided_by_the_number_of_servers(begin: Begin):
    """Together they allow what one does, and each at least one."""
    one, _ = await begin(), await begin()
    buckets: KeyedBuckets[str] = KeyedBuckets(6, per=MINUTE, burst=6)
    assert sum(not buckets.take("before", 0.0, times=one.count) for _ in range(9)) == 6
    await one.beat()
    assert sum(not buckets.take("after", 0.0, times=one.count) for _ in range(9)) == 3
    small: KeyedBuckets[str] = KeyedBuckets(1, per=MINUTE, burst=1)
    assert [not small.take("x", 0.0, times=one.count) for _ in range(2)] == [True, False]
    large: KeyedBuckets[str] = KeyedBuckets(3, per=MINUTE, burst=3)
    assert not large.take("x", 0.0, 2, times=one.count)  # a full bucket is enough
    slots = ConnectionSlots(Quotas(one), total=100, per_address=4)
    assert [slots.take("192.0.2.1") is not None for _ in range(4)] == [True, True, False, False]


async def test_people_who_are_connected_elsewhere_are_known(begin: Begin):
    """Their connections count, their statuses are seen, and both end with them."""
    one, two = await begin(), await begin()
    told: list[set[str]] = []
    two.watch(lambda users: told.append({str(user) for user in users}))
    one.connected(ADA, 2)
    one.set_status(ADA, "online")
    one.connected(BOB, 1)
    await one.beat()
    await two.beat()
    assert two.connections_elsewhere(ADA) == 2
    assert two.statuses_elsewhere(ADA) == {"online"}
    assert not one.connections_elsewhere(ADA)
    one.connected(BOB, 0)
    one.set_status(ADA, "away")
    await one.beat()
    await two.beat()
    assert two.statuses_elsewhere(ADA) == {"away"}
    assert not two.connections_elsewhere(BOB)
    await two.beat()
    assert told == [{"ada", "bob"}, {"ada", "bob"}]


async def test_the_people_of_a_server_that_dies_are_gone_with_its_lease(begin: Begin):
    """They come back if it was only asleep, and so do those who connected to it meanwhile."""
    one, two = await begin(), await begin()
    one.connected(ADA, 1)
    await one.beat()
    await two.beat()
    assert two.connections_elsewhere(ADA) == 1
    end_leases_of_others(two)
    await two.beat()
    assert not two.connections_elsewhere(ADA)
    one.connected(BOB, 1)
    await one.beat()
    await two.beat()
    assert two.connections_elsewhere(ADA) == two.connections_elsewhere(BOB) == 1


async def test_a_change_that_was_missed_is_found_by_the_next_snapshot(begin: Begin):
    """A transaction may commit long after its time."""
    clock = FakeClock()
    one, two = await begin(), await begin(clock)
    one.connected(ADA, 1)
    one.connected(BOB, 1)
    await one.beat()
    database("UPDATE node_accounts SET changed = 1 WHERE account = 'ada'")
    await two.beat()
    assert not two.connections_elsewhere(ADA)
    database("DELETE FROM node_accounts WHERE account = 'bob'")
    clock.forward(SNAPSHOT_SECONDS)
    await two.beat()
    assert two.connections_elsewhere(ADA) == 1
    assert not two.connections_elsewhere(BOB)


async def test_servers_follow_the_clock_of_the_database(begin: Begin):
    """One whose clock is an hour ahead decides as the others do, also when its clock is set."""
    ahead = FakeClock()
    clocks = [FakeClock(), ahead]
    ahead.wall += 3_600_000
    steady = [(await begin(clock))._clock for clock in clocks]
    assert abs(steady[0].now() - steady[1].now()) < 60_000
    ahead.wall += 3_600_000
    assert abs(steady[0].now() - steady[1].now()) < 60_000


async def test_what_could_not_be_written_is_written_later(begin: Begin):
    """A beat that fails loses nothing."""
    one, two = await begin(), await begin()
    one.connected(ADA, 1)
    database("ALTER TABLE nodes RENAME TO hidden")
    try:
        with pytest.raises(psycopg.Error):
            await one.beat()
    finally:
        database("ALTER TABLE hidden RENAME TO nodes")
    await one.beat()
    await two.beat()
    assert two.connections_elsewhere(ADA) == 1
