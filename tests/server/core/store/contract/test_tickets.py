"""Tickets: single use, short-lived by a clock that cannot be set back, and dead with their session."""

import asyncio

from tests.server.core.store.world import KitWorld, log_in

from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.store.records import SessionRecord, TicketGrant

TICKET = b"t" * 32


async def ticket(world: KitWorld) -> tuple[SessionRecord, TicketGrant]:
    """Log someone in and store their ticket for 30 seconds."""
    session = world.session(await world.account("alice"), 1)
    await log_in(world.store, session, cap=9)
    grant = world.grant(session)
    await world.store.tickets.put(TICKET, grant, seconds=30)
    return session, grant


async def test_of_fifty_takers_one_gets_the_grant(world: KitWorld) -> None:
    """Fifty who take one ticket at the same time get one grant between them (K3: replay)."""
    _, grant = await ticket(world)
    taken = await asyncio.gather(*(world.store.tickets.take(TICKET) for _ in range(50)))
    assert [each for each in taken if each is not None] == [grant]


async def test_a_ticket_is_taken_once(world: KitWorld) -> None:
    """The second taker gets nothing, as does one with a ticket that never was."""
    _, grant = await ticket(world)
    assert await world.store.tickets.take(b"x" * 32) is None
    assert await world.store.tickets.take(TICKET) == grant
    assert await world.store.tickets.take(TICKET) is None


async def test_a_ticket_expires(world: KitWorld) -> None:
    """It works just before its time is up, and not at it (K4)."""
    session = world.session(await world.account("alice"), 1)
    await log_in(world.store, session, cap=9)
    grant, before = world.grant(session), 60.0 if world.store.is_shared else 0.1
    # A database's own clock goes on meanwhile: a slow machine needs more than a moment.
    for one in (b"u", b"v"):
        await world.store.tickets.put(one * 32, grant, seconds=3600)
    world.clock.forward(3600 - before)
    assert await world.store.tickets.take(b"u" * 32) == grant
    world.clock.forward(before)
    assert await world.store.tickets.take(b"v" * 32) is None


async def test_setting_the_clock_back_does_not_extend_a_ticket(world: KitWorld) -> None:
    """The time of day has nothing to do with a ticket's end (K4)."""
    await ticket(world)
    world.clock.forward(30)
    world.clock.wall -= 3_600_000
    assert await world.store.tickets.take(TICKET) is None


async def test_a_ticket_dies_with_its_session(world: KitWorld) -> None:
    """A ticket of a session that was ended opens nothing, and is burned."""
    session, _ = await ticket(world)
    await world.store.sessions.end(ByOperator(session.user), session.id)
    assert await world.store.tickets.take(TICKET) is None
    await log_in(world.store, session, cap=9)
    assert await world.store.tickets.take(TICKET) is None


async def test_a_ticket_dies_with_its_account(world: KitWorld) -> None:
    """A ticket of an account that was disabled opens nothing."""
    session, _ = await ticket(world)
    await world.store.accounts.set_disabled(ByOperator(session.user), disabled=True)
    await world.store.accounts.set_disabled(ByOperator(session.user), disabled=False)
    assert await world.store.tickets.take(TICKET) is None


async def test_a_ticket_of_an_expired_session_opens_nothing(world: KitWorld) -> None:
    """A ticket taken after its session's end, though in time for itself, is refused."""
    session, _ = await ticket(world)
    world.clock.wall = session.expires
    assert await world.store.tickets.take(TICKET) is None
