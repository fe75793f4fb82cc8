"""Tickets of two servers on one database: whichever redeems one, it is redeemed."""

import asyncio

import psycopg
from tests.server.core.store.world import FakeClock, KitWorld, log_in
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_server.app.program_store import ProgramStore
from parlour_server.core.accounts.tables.authority import ByOperator
from tests import postgres

TICKET = b"t" * 32


async def test_a_ticket_opens_one_connection_at_one_server(clock: FakeClock) -> None:
    """Sixty takers at two servers, whose clocks differ by an hour, get one grant between them (K3)."""
    engine = postgres.database("kit", SCHEMA)
    ahead = FakeClock()
    ahead.forward(3600)
    one, other = ProgramStore(engine, PROGRAM, clock), ProgramStore(engine, PROGRAM, ahead)
    await one.open()
    await other.open()
    world = KitWorld(one, clock)
    session = world.session(await world.account("alice"), 1)
    await log_in(one, session, cap=9)
    grant = world.grant(session)
    await one.tickets.put(TICKET, grant, seconds=30)
    taken = await asyncio.gather(*(store.tickets.take(TICKET) for store in (one, other) for _ in range(30)))
    assert [each for each in taken if each is not None] == [grant]
    await one.close()
    await other.close()


async def test_old_tickets_are_forgotten(clock: FakeClock) -> None:
    """The table does not grow by tickets that no one redeems."""
    store = ProgramStore(postgres.database("kit", SCHEMA), PROGRAM, clock)
    await store.open()
    world = KitWorld(store, clock)
    session = world.session(await world.account("alice"), 1)
    await log_in(store, session, cap=9)
    for number in range(30):
        await store.tickets.put(bytes([number]) * 32, world.grant(session), seconds=0)
    with psycopg.connect(postgres.dsn("kit")) as connection:
        assert connection.execute("SELECT count(*) FROM tickets").fetchone() == (1,)
    await store.close()


async def test_tickets_go_with_their_account(clock: FakeClock) -> None:
    """In the same transaction, though its sessions end, too."""
    store = ProgramStore(postgres.database("kit", SCHEMA), PROGRAM, clock)
    await store.open()
    world = KitWorld(store, clock)
    session = world.session(await world.account("alice"), 1)
    await log_in(store, session, cap=9)
    await store.tickets.put(TICKET, world.grant(session), seconds=30)
    await store.accounts.close(ByOperator(session.user), "unusable", SCHEMA.of_accounts)
    assert await store.readers.row(int, "SELECT count(*) FROM tickets") == 0
    await store.close()
