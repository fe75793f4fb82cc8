"""Who turns a ticket into a connection: the owner of the session's key (K50), where it was issued (K51)."""

import os
from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from tests.server.fakes import MakeAccount, ReadableAudit, StoppedClock, by_login

from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.session_key import Redemption
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tickets import ConnectionTicket, TicketRedemption, Tickets
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.config.server_settings import Logins
from parlour_server.core.errors import (
    LoginRefusedError,
    SessionKeyError,
    SessionRefusedError,
    TicketRefusedError,
    TooManyAttemptsError,
)
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import SessionRecord

KEY = SigningKey(b"a session's key".ljust(32))
ADDRESS = "192.0.2.1"


class Desk:
    """Issues tickets to a session and redeems them."""

    def __init__(
        self, store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, settings: Logins
    ) -> None:
        """Use a store; ``session`` is that of the tickets."""
        self.clock = clock
        self.sessions = Sessions(
            store.sessions, bus, clock, audit, settings, SessionActivity(clock), AccountLimits()
        )
        rates = RequestRates(clock, Quotas(), "rate", per_minute=10_000, burst=10_000)
        throttle = LoginThrottle(store.attempts, clock, settings)
        self.tickets = Tickets(store.tickets, rates, audit, clock, seconds=30)
        self.redemption = TicketRedemption(store.tickets, store.sessions, throttle, clock)
        self.session: SessionRecord

    async def issued(self, here: ConnectionTicket | None = None) -> Redemption:
        """Issue a ticket; return the request that redeems it."""
        ticket = await self.tickets.issue(self.session, address=ADDRESS, here=here)
        return Redemption(ticket.digest(), "chat.example:8443", bytes(32), "/v1/chat")

    async def redeem(
        self, request: Redemption, proof: bytes | None, here: ConnectionTicket | None = None
    ) -> bool:
        """Return whether the ticket is redeemed."""
        try:
            grant = await self.redemption.redeem(request, proof, here or ConnectionTicket(), address=ADDRESS)
        except TicketRefusedError:
            return False
        assert grant.session == self.session.id
        return True


@pytest.fixture
async def desk(
    store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, make_account: MakeAccount
) -> Desk:
    """Return a desk for a session with a key."""
    desk = Desk(store, bus, clock, audit, Logins())
    user = await make_account("anna")
    desk.session, _ = await desk.sessions.begin(
        await by_login(store, user), parse_device_name("laptop"), bytes(KEY.verify_key)
    )
    return desk


def proof(request: Redemption, key: SigningKey = KEY) -> bytes:
    """Sign a request."""
    return bytes(key.sign(request.to_be_signed()).signature)


async def test_the_keys_owner_redeems_a_ticket_once(desk: Desk) -> None:
    """For a ticket of any connection, and for one of this one."""
    for here in (None, ConnectionTicket()):
        request = await desk.issued(here)
        assert await desk.redeem(request, proof(request), here)
        assert not await desk.redeem(request, proof(request), here)


async def test_a_thousand_thefts(desk: Desk) -> None:
    """Without the key no ticket is redeemed, whatever comes as a proof, and each is used up."""
    thief, seen = SigningKey.generate(), await desk.issued()
    assert await desk.redeem(seen, proof(seen))
    redeemed = 0
    for number in range(1000):
        here = ConnectionTicket() if number % 2 else None
        request = await desk.issued(here)
        forged = (
            None,
            b"",
            os.urandom(64),
            proof(request, thief),
            proof(seen),
            proof(replace(request, host="evil.example")),
            proof(replace(request, server_key=os.urandom(32))),
            proof(request)[:63],
            proof(request) + b"x",
            bytes(64),
        )[number % 10]
        redeemed += await desk.redeem(request, forged, here)
        if number < 20:
            redeemed += await desk.redeem(request, proof(request), here)
    assert redeemed == 0


async def test_a_connections_ticket_is_kept_nowhere_else(desk: Desk, store: ChatStore) -> None:
    """K51: not in the store, so no other connection and no other server can have it."""
    here = ConnectionTicket()
    request = await desk.issued(here)
    assert await store.tickets.take(request.ticket) is None
    assert not await desk.redeem(request, proof(request), ConnectionTicket())
    desk.clock.pass_seconds(30)
    assert not await desk.redeem(request, proof(request), here)


async def test_a_connections_ticket_dies_with_its_session(desk: Desk) -> None:
    """S1: and so does one that is burned."""
    here = ConnectionTicket()
    request = await desk.issued(here)
    await desk.redemption.burn(request.ticket, here)
    assert not await desk.redeem(request, proof(request), here)
    request = await desk.issued(here)
    await desk.sessions.end(desk.session, desk.session.id)
    assert not await desk.redeem(request, proof(request), here)


async def test_keys_can_be_required(
    store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, make_account: MakeAccount
) -> None:
    """A session from before is over, and none begins without a key; an unusable key never is one."""
    lax = Desk(store, bus, clock, audit, Logins())
    strict = Desk(store, bus, clock, audit, Logins(session_keys="required"))
    user, name = await make_account("anna"), parse_device_name("laptop")
    _, old = await lax.sessions.begin(await by_login(store, user), name)
    await lax.sessions.authenticate(old)
    with pytest.raises(SessionRefusedError):
        await strict.sessions.authenticate(old)
    with pytest.raises(SessionKeyError):
        await strict.sessions.begin(await by_login(store, user), name)
    _, new = await strict.sessions.begin(await by_login(store, user), name, bytes(KEY.verify_key))
    assert (await strict.sessions.authenticate(new)).public_key == bytes(KEY.verify_key)
    with pytest.raises(SessionKeyError):
        await lax.sessions.begin(await by_login(store, user), name, bytes(31) + b"\x80")


async def test_an_address_is_familiar_after_a_proof_and_not_after_a_ticket(
    store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, make_account: MakeAccount
) -> None:
    """P33: a stolen token gets tickets and redeems them, and leaves the guesses as limited as they were."""
    settings = Logins(failures_per_account=3)
    desk = Desk(store, bus, clock, audit, settings)
    by = await by_login(store, await make_account("anna"))
    throttle = LoginThrottle(store.attempts, clock, settings)
    for _ in range(3):
        with pytest.raises(LoginRefusedError):
            async with throttle.attempt("anna", "198.51.100.7"):
                raise LoginRefusedError

    async def is_familiar() -> bool:
        try:
            async with throttle.attempt("anna", ADDRESS) as attempt:
                attempt.is_complete = False
        except TooManyAttemptsError:
            return False
        return True

    bare, _ = await desk.sessions.begin(by, parse_device_name("script"))
    keyed, _ = await desk.sessions.begin(by, parse_device_name("laptop"), bytes(KEY.verify_key))
    for session, prove in ((bare, False), (keyed, False), (keyed, True)):
        assert not await is_familiar()
        desk.session = session
        for here in (None, ConnectionTicket()):
            request = await desk.issued(here)
            redeemed = await desk.redeem(request, proof(request) if prove else None, here)
            assert redeemed is (session is bare or prove)
    assert await is_familiar()
