"""The attacks that every program withstands, as tests. It needs pytest and pytest-asyncio.

A program's tests run them on its own server with

    from parlour_server.testing.attacks import *

    @pytest.fixture
    def program() -> App:
        return app

A program whose requests have patterns that nothing simple matches gives a fixture `ask`, too. What it allows
on purpose, such as an operation that anyone may call, it names in a fixture `on_purpose`.
"""

import asyncio
import dataclasses
import json
import re
import shutil
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio

from parlour_protocol.kit.errors import (
    ACCOUNT_DISABLED,
    POLICY_VIOLATION,
    SESSION_ENDED,
    TOO_MANY_ERRORS,
    ErrorCode,
)
from parlour_protocol.kit.frames import Answer, Refusal, Request
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.limits import TICKET_SECONDS
from parlour_protocol.kit.session_key import PROOF_HEADER, SessionKey
from parlour_server.app.app import App
from parlour_server.core.audit import AuditEvent
from parlour_server.core.clock import Clock, SystemClock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.connections.budgets import Budget
from parlour_server.core.https.operations import Operation
from parlour_server.host.setup.initialise import initialise
from parlour_server.testing import server
from parlour_server.testing import target as targets
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.examples import example
from parlour_server.testing.server import Key, Person, World, running
from parlour_server.testing.target import AttackTarget, TargetDescription
from parlour_server.testing.wire_attacks import *  # noqa: F403 - they are tests of every program

Ask = Callable[[], Request]
Change = Callable[[Any], Settings]

_UNSENT_BYTES: Final = 65_536
_RECEIVE_BUFFER: Final = 4_096
_PUSHES_AT_ONCE: Final = 500
_MALFORMED: Final = 200
_CODE_GUESSES: Final = 30
_AT_ONCE: Final = 20
_PAGES: Final = ("https://app.example", "https://other.example")
_PING_SECONDS: Final = 0.2
_MESSAGES: Final = 1_000
_FLOOD_SECONDS: Final = 30
_MORE_IS_STRICTER: Final = frozenset({"connections.body_bytes_per_second"})
_STRICTER: Final = ("off", "optional", "required")


@pytest.fixture(scope="session")
def initialised() -> dict[str, Path]:
    """Return the data folders that `init` made, by the names of their programs: only to be copied."""
    return {}


@pytest.fixture
def change() -> Change:
    """Return what changes the settings of a server that is attacked: buffers are small."""
    return _small_buffers


@pytest_asyncio.fixture
async def world(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path, change: Change
) -> AsyncIterator[World]:
    """Run the program in a data folder of the test's own."""
    async with _running(program, initialised, tmp_path, change) as found:
        yield found


@asynccontextmanager
async def _running(
    program: App[Any],
    initialised: dict[str, Path],
    folder: Path,
    change: Change = lambda settings: settings,
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    word, data = program.name.word, folder / "data"
    if word not in initialised:
        initialised[word] = folder / "initialised"
        await initialise(program, program.folder(initialised[word]), (), SystemClock())
    shutil.copytree(initialised[word], data)
    async with running(program, data, change=change, clock=clock) as found:
        yield found


@pytest_asyncio.fixture
async def anna(world: World) -> Person:
    """Return someone who is logged in."""
    return await world.person("anna")


@pytest_asyncio.fixture
async def target(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path, ask: Ask, change: Change
) -> AsyncIterator[AttackTarget]:
    """Run the program as a server of which only the address is known, and its clock is the test's."""
    clock, wire = FakeClock(), program.wire
    description = TargetDescription(
        socket=wire.path,
        subprotocol=wire.subprotocol,
        login_fields={"device": "laptop"},
        ask=lambda: wire.encode(ask()),
    )
    async with _running(program, initialised, tmp_path, change, clock) as world:
        anna = await world.person("anna")
        found = AttackTarget(
            world.port,
            ssl.create_default_context(cafile=str(world.data / "ca.pem")),
            description,
            username=anna.name,
            password=server.PASSWORD,
            forward=clock.forward,
            logs=lambda: str(world.logs),
        )
        yield found
        await found.close()


@pytest.fixture
def on_purpose() -> frozenset[str]:
    """Return what the program allows although the kit does not by itself: nothing.

    A program's own fixture names it as the attack does that fails: `operation prices`, `mount /page`,
    `request look`, `rates.messages_per_minute`.
    """
    return frozenset()


@pytest.fixture
def ask(program: App[Any]) -> Ask:
    """Return a function that makes a request which counts as a message, with an id of its own."""
    return lambda: example(_message_of(program), id=new_request_id())


def _message_of(program: App[Any]) -> type[Request]:
    budgets = program.budgets
    for kind in program.wire.requests:
        if budgets.get(kind, Budget.MESSAGE) not in {Budget.FREE, Budget.READ}:
            return kind
    pytest.skip("no request of this program counts as a message")


def _small_buffers(settings: Any) -> Settings:
    connections = msgspec.structs.replace(settings.connections, unsent_bytes=_UNSENT_BYTES)
    changed: Settings = msgspec.structs.replace(settings, connections=connections)
    return changed


def _needs_codes(program: App[Any]) -> None:
    if not any(row.name == "begin_totp" for row in program.all_operations().rows):
        pytest.skip("this program has no second factors")


def _with_required_factor(settings: Any) -> Settings:
    logins = msgspec.structs.replace(settings.logins, second_factor="required")
    changed: Settings = msgspec.structs.replace(settings, logins=logins)
    return changed


def _requiring_keys(settings: Any) -> Settings:
    logins = msgspec.structs.replace(settings.logins, session_keys="required")
    changed: Settings = msgspec.structs.replace(settings, logins=logins)
    return changed


def _with_pages(settings: Any) -> Settings:
    listen = msgspec.structs.replace(settings.listen, origins=_PAGES)
    changed: Settings = msgspec.structs.replace(settings, listen=listen)
    return changed


def _hasty(settings: Any) -> Settings:
    connections = msgspec.structs.replace(settings.connections, ping_seconds=_PING_SECONDS)
    changed: Settings = msgspec.structs.replace(settings, connections=connections)
    return changed


# on the way in


@pytest.mark.asyncio
async def test_password_that_is_not_enough(program: App[Any], world: World, anna: Person) -> None:
    """P20: an account that needs more gets no session and no new password for it, whoever asks for more."""
    with closing(sqlite3.connect(program.folder(world.data).database)) as db, db:
        db.execute("UPDATE accounts SET needs_proof = 1")
    with pytest.raises(RuntimeError, match=r"/v1/sessions: (401|403) "):
        await world.log_in(anna.name)
    change = {"old": server.PASSWORD, "new": server.PASSWORD[::-1]}
    with pytest.raises(RuntimeError, match="/v1/password: 403 "):
        await world.api("POST", "/v1/password", change, bearer=anna.session)


@pytest.mark.asyncio
async def test_password_without_the_second_factor(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path
) -> None:
    """P20, L7: a password alone begins no session, and of twenty logins with one code one does.

    Wrong codes are guesses like wrong passwords (P23).
    """
    _needs_codes(program)
    clock = FakeClock()
    async with _running(program, initialised, tmp_path, clock=clock) as world:
        anna = await world.person("anna")
        codes = await anna.set_up_codes(lambda: clock.wall / 1000)

        async def begin() -> str:
            password = {"username": anna.name, "password": server.PASSWORD, "device": "laptop"}
            asked = await world.api("POST", "/v1/sessions", password)
            assert "session" not in asked
            challenge: str = asked["challenge"]
            return challenge

        async def finish(challenge: str, code: str) -> bool:
            proof = {"challenge": challenge, "answer": {"kind": "totp", "code": code}}
            with suppress(RuntimeError):
                return "session" in await world.api("POST", "/v1/sessions/second-factor", proof)
            return False

        assert not await finish(await begin(), codes.code())  # it confirmed the app
        clock.forward(30)
        challenges = [await begin() for _ in range(_AT_ONCE)]
        found = await asyncio.gather(*(finish(challenge, codes.code()) for challenge in challenges))
        assert found.count(True) == 1
        clock.forward(3_600)
        for _ in range(_CODE_GUESSES):
            try:
                assert not await finish(await begin(), "000000")
            except RuntimeError as refused:
                assert "/v1/sessions: 429 " in str(refused)  # noqa: PT017 - it may raise at any of them
                return
        pytest.fail(f"{_CODE_GUESSES} wrong codes were tried")


@pytest.mark.asyncio
async def test_no_second_factor_where_it_is_required(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path
) -> None:
    """P29: until it is set up there is no ticket, and so no socket; then there is."""
    _needs_codes(program)
    async with _running(program, initialised, tmp_path, _with_required_factor) as world:
        anna = await world.person("anna")
        with pytest.raises(RuntimeError, match=r"/v1/tickets: 403 .*enrolment_required"):
            await anna.ticket()
        await anna.set_up_codes()
        await anna.connect()


@pytest.mark.asyncio
async def test_old_ticket_of_a_connection(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path
) -> None:
    """K2: nor does one for a TLS connection."""
    clock = FakeClock()
    async with _running(program, initialised, tmp_path, clock=clock) as world:
        anna = await world.person("anna")
        async with world.https() as connection:
            here = await anna.ticket_for(connection)
            clock.forward(TICKET_SECONDS.value)
            assert await connection.upgrade(here) == 401


@pytest.mark.asyncio
async def test_ticket_of_another_page(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path
) -> None:
    """H12: a page's ticket opens a socket for the Origin that asked for it, once, and not from a URL."""
    if not any("listen.origins" in capability.serves for capability in program.capabilities):
        pytest.skip("no page can be a client of this program")
    async with _running(program, initialised, tmp_path, _with_pages) as world, world.https() as connection:
        anna = await world.person("anna")

        async def ticket() -> str:
            headers = {"Authorization": f"Bearer {anna.session}", "Origin": _PAGES[0]}
            status, answer = await connection.request("POST", "/v1/tickets", headers)
            assert status == HTTPStatus.CREATED
            found: str = json.loads(answer)["ticket"]
            return found

        async def refused(origin: str, ticket: str, query: str = "") -> int:
            offered = f"{world.wire.subprotocol}, ticket.{ticket}"
            headers = {"Origin": origin, "Sec-WebSocket-Protocol": offered}
            return await world.refused(headers=headers, query=query)

        mine, native = await ticket(), await anna.ticket()
        assert await refused("https://evil.example", mine) == 403
        assert await refused("null", mine) == 403
        assert await refused(_PAGES[1], mine) == 401
        assert await refused(_PAGES[0], native) == 401
        assert await world.refused(ticket=mine) == 401
        assert await world.refused(ticket=mine, headers={"Origin": _PAGES[0]}) == 401
        assert await refused(_PAGES[0], mine) == 101
        assert await refused(_PAGES[0], mine) == 401
        in_url = await ticket()
        assert await refused(_PAGES[0], await ticket(), f"?ticket={in_url}") == 401
        assert await refused(_PAGES[0], in_url) == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("subprotocol", ["other.v1", ""])
async def test_other_subprotocol(world: World, anna: Person, subprotocol: str) -> None:
    """H11: a client of another program is refused."""
    headers = {"Sec-WebSocket-Protocol": subprotocol}
    assert await world.refused(ticket=await anna.ticket(), headers=headers) == 400


@pytest.mark.asyncio
async def test_stolen_ticket(world: World, anna: Person) -> None:
    """K50: without the session's key neither its tickets nor its token open anything."""
    phone = await world.log_in(anna.name, "phone", Key())
    tablet = await world.log_in(anna.name, "tablet", Key())
    await phone.connect()
    ticket = await phone.ticket()
    assert await world.refused(ticket=ticket) == 401
    assert await world.refused(ticket=ticket, headers=phone.proof(ticket)) == 401  # it is used up
    for key in (None, Key(), tablet.key):
        thief = dataclasses.replace(phone, key=key)
        ticket = await thief.ticket()
        assert await world.refused(ticket=ticket, headers=thief.proof(ticket)) == 401


@pytest.mark.asyncio
async def test_proof_for_another_request(world: World, anna: Person) -> None:
    """L9: a proof is valid for one ticket, at one server under one name, for one request, once."""
    phone = await world.log_in(anna.name, "phone", Key())
    assert phone.key is not None
    used = await phone.ticket()
    headers = phone.proof(used)
    assert await world.refused(ticket=used, headers=headers) == 101
    assert await world.refused(ticket=used, headers=headers) == 401
    assert await world.refused(ticket=await phone.ticket(), headers=headers) == 401
    for other in ("host", "server_key", "path", "method"):
        ticket = await phone.ticket()
        right = world.redemption(ticket)
        wrong: Any = bytes(32) if other == "server_key" else f"{getattr(right, other)}x"
        proof = phone.key.prove(dataclasses.replace(right, **{other: wrong}))
        assert await world.refused(ticket=ticket, headers={PROOF_HEADER: proof}) == 401


@pytest.mark.asyncio
async def test_malformed_proof(world: World, anna: Person) -> None:
    """K50: a proof is one signature, and a session's key is one under which not everything is a proof."""
    phone = await world.log_in(anna.name, "phone", Key())
    for proof in ("", "x", "A" * 86, "A" * 87, "=" * 86, "A" * 85 + "é"):
        assert await world.refused(ticket=await phone.ticket(), headers={PROOF_HEADER: proof}) == 401
    for key in (bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"\2" + bytes(31)):
        login = {"username": "anna", "password": server.PASSWORD, "device": "pc"}
        login["key"] = SessionKey(key).text
        with pytest.raises(RuntimeError, match=r"/v1/sessions: 400 .*session_key"):
            await world.api("POST", "/v1/sessions", login)
    assert not world.faults


@pytest.mark.asyncio
async def test_ticket_of_another_connection(world: World, anna: Person) -> None:
    """K51: a ticket for one TLS connection opens nothing on another, and there it is used once."""
    async with world.https() as first, world.https() as second:
        assert await second.upgrade(await anna.ticket_for(first)) == 401
        assert await world.refused(ticket=await anna.ticket_for(first)) == 401
        old, new = await anna.ticket_for(first), await anna.ticket_for(first)
        assert await world.refused(ticket=old) == 401
        assert await first.upgrade(new) == 101
    async with world.https() as first:
        old, _ = await anna.ticket_for(first), await anna.ticket_for(first)
        assert await first.upgrade(old) == 401
    async with world.https() as first:
        ticket = await anna.ticket_for(first)
        await anna.log_out()
        assert await first.upgrade(ticket) == 401


@pytest.mark.asyncio
async def test_session_without_a_key(program: App[Any], initialised: dict[str, Path], tmp_path: Path) -> None:
    """K50: where keys are required, a session without one can't begin, and one from before is over."""
    async with _running(program, initialised, tmp_path) as world:
        anna = await world.person("anna")
        phone = await world.log_in("anna", "phone", Key())
    async with running(program, tmp_path / "data", change=_requiring_keys) as world:
        with pytest.raises(RuntimeError, match=r"/v1/sessions: 400 .*session_key"):
            await world.log_in("anna")
        with pytest.raises(RuntimeError, match="/v1/tickets: 401 "):
            await dataclasses.replace(anna, world=world).ticket()
        await dataclasses.replace(phone, world=world).connect()


# requests


@pytest.mark.asyncio
async def test_malformed_requests(world: World, anna: Person, ask: Ask) -> None:
    """M1, R4: each gets an error; the connection and the program go on."""
    socket = await anna.connect()
    good = world.wire.encode(ask())
    name = new_request_id()
    attacks = [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"{}",
        b"[" * 10_000,
        b'{"type":"' + b"x" * 40 + b'"}',
        f'{{"type":"no_such_request","id":"{name}"}}'.encode(),
        good[:-1] + b',"surprise":1}',
        good[:-1] + b"," + good[1:],
        good + good,
        good[:-1],
    ]
    for attack in attacks:
        socket.send_bytes(attack)
        answer = await socket.answer()
        assert isinstance(answer, Refusal), attack
        assert answer.code == ErrorCode.MALFORMED, attack
    assert (await socket.ask(request := ask())).re == request.id
    assert not world.faults


@pytest.mark.asyncio
async def test_malformed_flood(world: World, anna: Person) -> None:
    """R4: someone who sends only nonsense is disconnected."""
    socket = await anna.connect()
    for _ in range(_MALFORMED):
        socket.send_bytes(b"nonsense")
    assert await socket.close_code() == TOO_MANY_ERRORS
    assert not world.faults


@pytest.mark.asyncio
async def test_message_flood(
    program: App[Any], initialised: dict[str, Path], tmp_path: Path, ask: Ask, on_purpose: frozenset[str]
) -> None:
    """R1: an account sends a thousand messages in half a minute and no more, however many its connections."""
    if "rates.messages_per_minute" in on_purpose:
        pytest.skip("this program lets an account send more")
    clock = FakeClock()
    async with _running(program, initialised, tmp_path, clock=clock) as world:  # nothing else refills
        anna = await world.person("anna")
        sockets = [await anna.connect(), await anna.connect()]
        answered = 0
        for _ in range(_FLOOD_SECONDS):
            while not _is_rate_limited(await sockets[answered % 2].ask(ask())):
                answered += 1
                assert answered <= _MESSAGES, f"{answered} messages in {_FLOOD_SECONDS} seconds were answered"
            assert _is_rate_limited(await sockets[(answered + 1) % 2].ask(ask()))
            clock.forward(1)
        assert world.audit(AuditEvent.LIMIT_HIT)


def test_requests_that_count_for_nothing(program: App[Any], on_purpose: frozenset[str]) -> None:
    """R1: every request is a message, or a read that the wire knows as one."""
    free = [
        f"request {kind.__struct_config__.tag}"
        for kind, budget in program.budgets.items()
        if budget is Budget.FREE or (budget is Budget.READ and kind not in program.wire.reads)
    ]
    assert set(free) <= on_purpose, "anyone with an account may send these as fast as a connection takes them"


def test_settings_that_weaken(program: App[Any], on_purpose: frozenset[str]) -> None:
    """Settings that no one has set are as strict as in the kit: how much, how fast, how long."""
    given, kit = program.settings_type(), Settings()
    weaker = [
        f"{section}.{field}"
        for section in ("connections", "rates", "logins")
        for field in getattr(kit, section).__struct_fields__
        if _is_weaker(
            f"{section}.{field}",
            getattr(getattr(given, section), field),
            getattr(getattr(kit, section), field),
        )
    ]
    assert set(weaker) <= on_purpose, "these are weaker than the kit's own"


def _is_weaker(name: str, value: int | str, kit: int | str) -> bool:
    if isinstance(value, int) and isinstance(kit, int):
        return value < kit if name in _MORE_IS_STRICTER else value > kit
    return _STRICTER.index(str(value)) < _STRICTER.index(str(kit))


# the program's own operations of the HTTPS API


@pytest.mark.asyncio
async def test_operations_without_a_session(
    program: App[Any], world: World, anna: Person, on_purpose: frozenset[str]
) -> None:
    """K5: strangers call none: without a session, with a ticket, or with a session that has ended."""
    ended = await world.log_in(anna.name, "phone")
    await ended.log_out()
    asked = {f"operation {row.name}": (row.method, _path_of(row)) for row in program.operations()}
    asked |= {f"mount {mount.path}": ("GET", f"{mount.path}/") for mount in program.mounts}
    for name, (method, path) in asked.items():
        if name in on_purpose:
            continue
        for bearer in (None, await anna.ticket(), "x" * 43, ended.session):
            with pytest.raises((RuntimeError, ValueError)) as refused:  # or an answer that is no JSON
                await world.api(method, path, bearer=bearer)
            assert ": 401 " in str(refused.value), f"{name}: anyone may call it"
    assert not world.faults


@pytest.mark.asyncio
async def test_bodies_of_operations(program: App[Any], world: World, anna: Person) -> None:
    """K9, M1: a body that is too large, or of something else, is refused before the program sees it."""
    for row in program.operations():
        if row.takes is None:
            continue
        for status, body in ((413, {"surprise": "x" * row.cap.value}), (400, {"surprise": 1}), (400, [])):
            with pytest.raises(RuntimeError, match=r": \d{3} ") as refused:
                await world.api(row.method, _path_of(row), body, bearer=anna.session)
            assert f": {status} " in str(refused.value), f"operation {row.name} takes any body"
    assert not world.faults


def _path_of(row: Operation) -> str:
    return re.sub(r"\{[^}]*\}", "x" * 22, row.path)


# two at once


@pytest.mark.asyncio
async def test_request_id_twice_in_flight(world: World, anna: Person, ask: Ask) -> None:
    """R4: each request gets one answer, or the connection ends: never an answer that could be of two."""
    socket = await anna.connect()
    request = ask()
    socket.send(request)
    socket.send(request)
    answered: list[Answer] = []
    try:
        answered += [await socket.answer(), await socket.answer()]
    except ConnectionError:
        assert await socket.close_code() == POLICY_VIOLATION
    assert all(answer.re == request.id for answer in answered)
    assert not world.faults


# what a socket may not outlive


@pytest.mark.asyncio
async def test_socket_outlives_its_end_by_the_operator(world: World, anna: Person) -> None:
    """S1: the operator's command, which is another process, ends the sockets of a session."""
    socket = await anna.connect()
    await world.command("session", "end", "anna", "--all")
    assert await socket.close_code() == SESSION_ENDED


@pytest.mark.asyncio
async def test_socket_outlives_a_disabled_account(world: World, anna: Person) -> None:
    """S1, P4: so does disabling the account; the socket learns why, and a login or a ticket doesn't."""
    socket, spare = await anna.connect(), await anna.ticket()
    await world.command("user", "disable", "anna")
    assert await socket.close_code() == ACCOUNT_DISABLED
    assert await world.refused(ticket=spare) == 401


@pytest.mark.asyncio
async def test_slow_reader(world: World, anna: Person) -> None:
    """R2: someone who does not read is cut off, so that the server's memory stays bounded."""
    if not world.wire.pushes:
        pytest.skip("this program pushes nothing")
    push = example(world.wire.pushes[0])
    topic = world.parts.topics.topic("everyone")
    slow = await anna.connect(receive_buffer=_RECEIVE_BUFFER)
    slow.stop_reading()
    for peer in world.parts.connected.all_connections():
        peer.add(topic)
    async with asyncio.timeout(targets.PATIENCE):
        while not world.audit(AuditEvent.LIMIT_HIT):
            for _ in range(_PUSHES_AT_ONCE):
                topic.publish(push)
            await asyncio.sleep(0)
    [line] = world.audit(AuditEvent.LIMIT_HIT)
    assert line["limit"] == "unsent_bytes"


@pytest.mark.asyncio
async def test_silent_peer(program: App[Any], initialised: dict[str, Path], tmp_path: Path) -> None:
    """R3: someone who answers no pings is cut off: their machine may be gone."""
    async with _running(program, initialised, tmp_path, _hasty) as world:
        silent = await (await world.person("anna")).connect()
        silent.stop_reading()
        async with asyncio.timeout(targets.PATIENCE):
            while not world.audit(AuditEvent.LIMIT_HIT):  # noqa: ASYNC110 - a line has no event to wait for
                await asyncio.sleep(_PING_SECONDS / 10)
        [line] = world.audit(AuditEvent.LIMIT_HIT)
        assert line["limit"] == "keepalive"


def _is_rate_limited(answer: Answer) -> bool:
    return isinstance(answer, Refusal) and answer.code == ErrorCode.RATE_LIMITED
