"""The attacks notice a defence that is missing; `examples/ticker/tests` runs them where none is."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from parlour_server.kit.app import App
from parlour_server.kit.auth.login_throttle import LoginThrottle
from parlour_server.kit.auth.sessions import Sessions
from parlour_server.kit.connections.budgets import AccountBudget
from parlour_server.kit.connections.dispatcher import RequestDispatcher
from parlour_server.kit.connections.service import ConnectionService
from parlour_server.kit.net import gate, message_assembler
from parlour_server.kit.net.ping_timer import PingTimer
from parlour_server.kit.store.accounts import authority
from parlour_server.kit.store.accounts.memory_tickets import MemoryTickets
from parlour_server.kit.store.records import TicketGrant
from parlour_server.kit.testing import attacks, server
from parlour_server.kit.testing.server import World

from ticker import server as ticker_program

initialised, world, ask = attacks.initialised, attacks.world, attacks.ask  # the fixtures


@pytest.fixture
def program() -> App[Any]:
    """Return the ticker."""
    return ticker_program.app


async def look_at(tickets: MemoryTickets, ticket: bytes) -> TicketGrant | None:
    """Redeem a ticket without using it up."""
    _, grant = tickets._tickets.get(ticket, (0.0, None))
    return grant


async def take_late(tickets: MemoryTickets, ticket: bytes) -> TicketGrant | None:
    """Redeem a ticket, however old it is."""
    _, grant = tickets._tickets.pop(ticket, (0.0, None))
    return grant


MUTATIONS = [
    (RequestDispatcher, "_strike", lambda *_: None, attacks.test_malformed_flood),
    (ConnectionService, "end_sessions", lambda *_: None, attacks.test_socket_outlives_a_log_out),
    (
        ConnectionService,
        "end_sessions",
        lambda *_: None,
        attacks.test_socket_outlives_its_end_by_the_operator,
    ),
    (MemoryTickets, "take", look_at, attacks.test_used_ticket),
    (MemoryTickets, "take", look_at, attacks.test_ticket_in_the_url),
    (message_assembler, "MAX_FRAGMENTS", 10**9, attacks.test_fragment_flood),
    (message_assembler, "MAX_CONTROLS", 10**9, attacks.test_ping_flood),
    (
        gate,
        "_check_origin",
        lambda *_: None,
        partial(attacks.test_wrong_origin, origin="https://evil.example"),
    ),
]


@pytest.mark.parametrize(("place", "defence", "nothing", "attack"), MUTATIONS)
async def test_a_defence_that_is_missing_is_noticed(
    place: Any, defence: str, nothing: Any, attack: Any, world: World, monkeypatch: Any
) -> None:
    """Each attack fails once the kit's defence against it is taken out."""
    anna = await world.person("anna")
    monkeypatch.setattr(place, defence, nothing)
    monkeypatch.setattr(server, "PATIENCE", 1.0)  # for what never comes
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await attack(world, anna)


@pytest.mark.parametrize(
    ("place", "defence", "nothing", "attack"),
    [
        (MemoryTickets, "take", take_late, attacks.test_old_ticket),
        (LoginThrottle, "_check", lambda *_: (), attacks.test_password_guessing),
        (LoginThrottle, "_check", lambda *_: (), attacks.test_password_without_the_second_factor),
        (AccountBudget, "request", lambda *_: 0.0, attacks.test_message_flood),
        (authority, "_is_used", lambda *_: True, attacks.test_password_without_the_second_factor),
        (Sessions, "must_enrol", lambda *_: False, attacks.test_no_second_factor_where_it_is_required),
        (PingTimer, "beat", lambda *_: None, attacks.test_silent_peer),
    ],
)
async def test_so_is_one_whose_attack_starts_the_server(
    place: Any,
    defence: str,
    nothing: Any,
    attack: Any,
    program: App[Any],
    initialised: dict[str, Path],
    tmp_path: Path,
    ask: Any,
    monkeypatch: Any,
) -> None:
    """With a clock or settings of its own."""
    given = {"ask": ask} if attack is attacks.test_message_flood else {}
    monkeypatch.setattr(place, defence, nothing)
    monkeypatch.setattr(server, "PATIENCE", 1.5)
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await attack(program, initialised, tmp_path, **given)
