"""The attacks notice a defence that is missing; `examples/ticker/tests` runs them where none is."""

import dataclasses
import inspect
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from parlour_protocol.kit.frames import Request
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.capabilities.second_factors.right_answer import RightAnswer
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables import authority
from parlour_server.core.accounts.tables.memory_tickets import MemoryTickets
from parlour_server.core.accounts.tickets import Tickets
from parlour_server.core.config.server_settings import Logins, Settings
from parlour_server.core.connections.budgets import AccountBudget, Budget
from parlour_server.core.connections.dispatcher import RequestDispatcher
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.https.operations import Operation
from parlour_server.core.https.problems import nothing
from parlour_server.core.net import gate, message_assembler
from parlour_server.core.net.ping_timer import PingTimer
from parlour_server.core.store.records import TicketGrant
from parlour_server.testing import attacks
from parlour_server.testing import target as targets
from parlour_server.testing.server import World, running
from parlour_server.testing.target import AttackTarget

from ticker import server as ticker_program

initialised, world, ask = attacks.initialised, attacks.world, attacks.ask  # the fixtures
on_purpose, target, change = attacks.on_purpose, attacks.target, attacks.change


@pytest.fixture
def program() -> App[Any]:
    """Return the ticker."""
    return ticker_program.app


async def look_at(tickets: MemoryTickets, ticket: bytes) -> TicketGrant | None:
    """Redeem a ticket without using it up."""
    _, grant = tickets._tickets._tickets.get(ticket, (0.0, None))
    return grant


async def take_late(tickets: MemoryTickets, ticket: bytes) -> TicketGrant | None:
    """Redeem a ticket, however old it is."""
    _, grant = tickets._tickets._tickets.pop(ticket, (0.0, None))
    return grant


def unbound(issue: Any) -> Any:
    """Issue tickets for pages like those for anyone."""

    async def issued(tickets: Tickets, *arguments: Any, page: object = None, **options: Any) -> Any:
        del page
        return await issue(tickets, *arguments, **options)

    return issued


MUTATIONS = [
    (RequestDispatcher, "_strike", lambda *_: None, attacks.test_malformed_flood),
    (
        ConnectionService,
        "end_sessions",
        lambda *_: None,
        attacks.test_socket_outlives_its_end_by_the_operator,
    ),
    (
        authority,
        "_use_proof",
        lambda *_: None,
        partial(attacks.test_password_that_is_not_enough, ticker_program.app),
    ),
]


@pytest.mark.parametrize(("place", "defence", "nothing", "attack"), MUTATIONS)
async def test_a_defence_that_is_missing_is_noticed(
    place: Any, defence: str, nothing: Any, attack: Any, world: World, monkeypatch: Any
) -> None:
    """Each attack fails once the kit's defence against it is taken out."""
    anna = await world.person("anna")
    monkeypatch.setattr(place, defence, nothing)
    monkeypatch.setattr(targets, "PATIENCE", 1.0)  # for what never comes
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await attack(world, anna)


@pytest.mark.parametrize(
    ("place", "defence", "nothing", "attack"),
    [
        (ConnectionService, "end_sessions", lambda *_: None, attacks.test_socket_outlives_a_log_out),
        (MemoryTickets, "take", look_at, attacks.test_used_ticket),
        (MemoryTickets, "take", look_at, attacks.test_ticket_in_the_url),
        (MemoryTickets, "take", take_late, attacks.test_old_ticket),
        (LoginThrottle, "_check", lambda *_: (), attacks.test_password_guessing),
        (message_assembler, "MAX_FRAGMENTS", 10**9, attacks.test_fragment_flood),
        (message_assembler, "MAX_CONTROLS", 10**9, attacks.test_ping_flood),
        (gate, "_check_origin", lambda *_: None, partial(attacks.test_wrong_origin, origin="null")),
        (gate, "_check_host", lambda *_: None, attacks.test_wrong_host),
    ],
)
async def test_so_is_one_against_what_any_client_sends(
    place: Any, defence: str, nothing: Any, attack: Any, target: AttackTarget, monkeypatch: Any
) -> None:
    """The attacks that know nothing but an address."""
    monkeypatch.setattr(place, defence, nothing)
    monkeypatch.setattr(targets, "PATIENCE", 1.5)
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await attack(target)


@pytest.mark.parametrize(
    ("place", "defence", "nothing", "attack"),
    [
        (LoginThrottle, "_check", lambda *_: (), attacks.test_password_without_the_second_factor),
        (AccountBudget, "request", lambda *_: 0.0, attacks.test_message_flood),
        (RightAnswer, "use", lambda *_: True, attacks.test_password_without_the_second_factor),
        (Sessions, "must_enrol", lambda *_: False, attacks.test_no_second_factor_where_it_is_required),
        (PingTimer, "beat", lambda *_: None, attacks.test_silent_peer),
        (Tickets, "issue", unbound(Tickets.issue), attacks.test_ticket_of_another_page),
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
    given = {"ask": ask, "on_purpose": frozenset()} if attack is attacks.test_message_flood else {}
    monkeypatch.setattr(place, defence, nothing)
    monkeypatch.setattr(targets, "PATIENCE", 1.5)
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        await attack(program, initialised, tmp_path, **given)


class Note(Request, frozen=True, tag="note"):
    """A request that stores something."""


class NewNote(Payload, frozen=True):
    """A body of an operation."""

    text: str = ""


WIRE: Wire[Any, Any] = Wire("weak.v1", requests=Note)
ROW = Operation("add_note", "POST", "/v1/notes", "Add a note.", HTTPStatus.OK, takes=NewNote)


def weak(row: Operation = ROW, *, reads_body: bool = True, **given: Any) -> App[Any]:
    """Return a program that lacks a defence."""
    made: App[Any] = App(WIRE, **given)

    @made.on(Note, role="member")
    def note(_peer: Any, _ask: Note) -> None:
        """Store nothing."""

    @made.operation(row, role="member" if row.session else None)
    async def add_note(request: Any, guard: Any) -> Any:
        """Read the body, or whatever comes."""
        if reads_body:
            await guard.body(request, NewNote)
        else:
            await request.body()
        return nothing()

    return made


def with_page(program: App[Any]) -> App[Any]:
    """Return the program with an app beside it that anyone may call."""

    @program.mount("/page", session=False)
    def page() -> Any:
        return PlainTextResponse("[]")

    return program


class LaxLogins(Logins, frozen=True):
    """Passwords may be guessed."""

    failures_per_account: int = 90


class Lax(Settings, frozen=True):
    """A program's settings."""

    logins: Logins = LaxLogins()


WEAK = [
    (
        "test_operations_without_a_session",
        "operation add_note",
        lambda: weak(dataclasses.replace(ROW, session=False)),
    ),
    ("test_operations_without_a_session", "mount /page", lambda: with_page(weak())),
    ("test_message_flood", "rates.messages_per_minute", lambda: weak(messages_per_minute=100_000)),
    ("test_settings_that_weaken", "rates.messages_per_minute", lambda: weak(messages_per_minute=100_000)),
    ("test_settings_that_weaken", "logins.failures_per_account", lambda: weak(settings=Lax)),
    ("test_requests_that_count_for_nothing", "request note", lambda: weak(budgets={Note: Budget.FREE})),
    ("test_requests_that_count_for_nothing", "request note", lambda: weak(budgets={Note: Budget.READ})),
    ("test_bodies_of_operations", None, lambda: weak(reads_body=False)),
]


class TestWeakPrograms:
    """Each attack fails for a program that takes its defence away, unless it says that it is meant."""

    @pytest.fixture(params=[*WEAK, None], ids=lambda one: f"{one[0]} {one[1]}" if one else "none")
    def case(self, request: pytest.FixtureRequest) -> Any:
        """Return an attack, what the program calls it, and the program; None for one that lacks nothing."""
        return request.param

    @pytest.fixture
    def program(self, case: Any) -> App[Any]:
        """Return the program."""
        found: App[Any] = weak() if case is None else case[2]()
        return found

    async def test_they_are_noticed(
        self,
        case: Any,
        program: App[Any],
        initialised: dict[str, Path],
        tmp_path: Path,
        ask: Any,
        monkeypatch: Any,
    ) -> None:
        """And what is meant is not."""
        monkeypatch.setattr(targets, "PATIENCE", 5.0)
        if case is None:
            for name in dict.fromkeys(name for name, _, _ in WEAK):
                await self._play(name, frozenset(), program, initialised, tmp_path / name, ask)
            return
        name, meant, _ = case
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await self._play(name, frozenset(), program, initialised, tmp_path, ask)
        if meant is not None and name != "test_message_flood":
            both = frozenset({meant, "rates.message_burst"})
            await self._play(name, both, program, initialised, tmp_path / "meant", ask)

    async def _play(
        self,
        name: str,
        meant: frozenset[str],
        program: App[Any],
        initialised: dict[str, Path],
        folder: Path,
        ask: Any,
    ) -> None:
        attack: Any = getattr(attacks, name)
        wanted = inspect.signature(attack).parameters
        given: dict[str, Any] = {"program": program, "initialised": initialised, "tmp_path": folder}
        given |= {"ask": ask, "on_purpose": meant}
        if "world" not in wanted:
            result = attack(**{key: given[key] for key in wanted})
            await result if inspect.isawaitable(result) else None
            return
        async with running(program, folder / "data") as world:
            given |= {"world": world, "anna": await world.person("anna")}
            await attack(**{key: given[key] for key in wanted})
