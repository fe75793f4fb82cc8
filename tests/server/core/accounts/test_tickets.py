"""Tickets: guessable and stored (K2), replayed (K3), long-lived (K4), and asked for in a loop."""

import pytest
from tests.server.fakes import MakeAccount, ReadableAudit, StoppedClock, by_login

from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tickets import Tickets
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.config.server_settings import Logins
from parlour_server.core.errors import SessionRefusedError, TooManyAttemptsError
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import SessionRecord


@pytest.fixture
def sessions(store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit) -> Sessions:
    """Return the sessions."""
    return Sessions(store.sessions, bus, clock, audit, Logins(), SessionActivity(clock), AccountLimits())


@pytest.fixture
async def session(sessions: Sessions, make_account: MakeAccount, store: ChatStore) -> SessionRecord:
    """Return a session of anna's."""
    record, _ = await sessions.begin(
        await by_login(store, await make_account("anna")), parse_device_name("laptop")
    )
    return record


@pytest.fixture
def tickets(store: ChatStore, clock: StoppedClock, audit: ReadableAudit) -> Tickets:
    """Return tickets, sixty a minute for each session."""
    rates = RequestRates(clock, Quotas(), "rate", per_minute=60, burst=60)
    return Tickets(store.tickets, rates, audit, clock, seconds=30)


async def test_guessing_a_ticket_is_guessing_256_bits(tickets: Tickets, session: SessionRecord) -> None:
    """K2: tickets are 43 characters of base64url, no two alike."""
    found = {(await tickets.issue(session, address="192.0.2.1")).reveal() for _ in range(60)}
    assert len(found) == 60
    assert all(len(one) == 43 for one in found)


async def test_replay_of_a_ticket_finds_nothing(
    tickets: Tickets, session: SessionRecord, store: ChatStore
) -> None:
    """K3: the first taker gets the grant, no one else."""
    ticket = await tickets.issue(session, address="192.0.2.1")
    grant = await store.tickets.take(ticket.digest())
    assert grant is not None
    assert (grant.user, grant.session, grant.expires) == (session.user, session.id, session.expires)
    assert await store.tickets.take(ticket.digest()) is None


async def test_a_pending_ticket_dies_with_its_session(
    tickets: Tickets, session: SessionRecord, sessions: Sessions, store: ChatStore
) -> None:
    """S1: what was issued before the session ended opens nothing after."""
    ticket = await tickets.issue(session, address="192.0.2.1")
    await sessions.end(session, session.id)
    assert await store.tickets.take(ticket.digest()) is None


async def test_a_ticket_is_no_session(tickets: Tickets, session: SessionRecord, sessions: Sessions) -> None:
    """K5: it opens a socket and nothing else."""
    ticket = await tickets.issue(session, address="192.0.2.1")
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(ticket)


async def test_reconnecting_in_a_loop_is_slowed_down(tickets: Tickets, session: SessionRecord) -> None:
    """The sixty-first ticket in a minute is refused."""
    for _ in range(60):
        await tickets.issue(session, address="192.0.2.1")
    with pytest.raises(TooManyAttemptsError):
        await tickets.issue(session, address="192.0.2.1")


async def test_the_audit_trail_tells_tickets_apart_without_telling_them(
    tickets: Tickets, session: SessionRecord, audit: ReadableAudit
) -> None:
    """K7, K10: a ticket is recorded by the beginning of its digest."""
    ticket: Secret = await tickets.issue(session, address="192.0.2.1")
    _, fields = audit.events[-1]
    assert fields["ticket"] == ticket.digest().hex()[:12]
    assert ticket.reveal() not in repr(audit.events)
