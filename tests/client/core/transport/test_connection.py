"""The connection as views see it, and logging in again."""

import asyncio

import pytest
from tests.client.core.core_fake import LOBBY, Desk, FakeServer, FakeWire, heard

from parlour_client.core.client import Client
from parlour_client.core.events import StatusChanged
from parlour_client.core.model import Delivery
from parlour_client.core.receive.dispatcher import Dispatcher
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.account.second_factor import FactorDialog
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import (
    AccountDeletedError,
    LoginRefusedError,
    SessionEndedError,
    SetupError,
    StoppedError,
    UnreachableError,
)
from parlour_client.kit.transport import reconnector
from parlour_protocol.frames import Hello
from parlour_protocol.kit.errors import ACCOUNT_DELETED, ACCOUNT_DISABLED, SESSION_ENDED, SESSION_EXPIRED
from parlour_protocol.kit.secret import Secret


async def test_a_person_in_a_hurry_does_not_wait(desk: Desk) -> None:
    """The next try comes at once, without the clock; where there is a connection it is said."""
    client = await desk.open()
    with pytest.raises(SetupError, match="already connected"):
        client.connection.retry_now()
    await desk.lose(client)
    client.connection.retry_now()
    async with asyncio.timeout(60):
        await client.connection.ready()
    assert client.connection.status.state is LinkState.ONLINE


async def test_a_first_try_that_takes_long_is_waited_for(desk: Desk, server: FakeServer) -> None:
    """Patience is over, and nothing has failed: on a slow machine a command still gets its connection."""
    answers = asyncio.Event()
    dial = server.dial

    async def dial_slowly() -> FakeWire:
        await answers.wait()
        return await dial()

    server.dial = dial_slowly  # type: ignore[method-assign]
    client = await desk.open(ready=False)
    waiting = asyncio.ensure_future(client.connection.ready(0.0))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not waiting.done()
    answers.set()
    async with asyncio.timeout(60):
        await waiting
    assert client.connection.status.state is LinkState.ONLINE


async def test_a_first_try_that_fails_is_reported_when_patience_is_over(
    desk: Desk, server: FakeServer
) -> None:
    """Why it failed, as soon as it has; not a guess that the server does not answer."""
    fails = asyncio.Event()

    async def dial_in_vain() -> FakeWire:
        await fails.wait()
        raise UnreachableError("Nothing listens there.")

    server.dial = dial_in_vain  # type: ignore[method-assign]
    client = await desk.open(ready=False)
    waiting = asyncio.ensure_future(client.connection.connected(0.0))
    for _ in range(50):
        await asyncio.sleep(0)
    fails.set()
    with pytest.raises(UnreachableError, match="Nothing listens there"):
        async with asyncio.timeout(60):
            await waiting


async def test_a_try_that_never_ends_is_given_up(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever hangs, a command ends with a sentence."""
    monkeypatch.setattr(reconnector, "UNDER_WAY_SECONDS", 0.0)

    async def dial_for_ever() -> FakeWire:
        await asyncio.Event().wait()
        raise AssertionError

    server.dial = dial_for_ever  # type: ignore[method-assign]
    client = await desk.open(ready=False)
    with pytest.raises(UnreachableError, match="The server is not responding"):
        await client.connection.ready(0.0)


async def test_an_ended_session_stops_the_client(desk: Desk, server: FakeServer) -> None:
    """Close code 4001 needs the person: no further try, and everything that waits is told why."""
    client = await desk.open()
    stopped = lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.STOPPED  # noqa: E731
    await heard(client, stopped, lambda: server.drop(SESSION_ENDED))
    entry = await client.messages.send(LOBBY, "too late")
    assert entry.request is not None
    with pytest.raises(SessionEndedError):
        await client.messages.stored(entry.request)
    with pytest.raises(SessionEndedError):
        await client.connection.ready()
    desk.clock.advance(600)
    assert server.dials == 1


async def test_a_message_that_meets_the_end_of_the_session_does_not_hide_it(
    desk: Desk, server: FakeServer
) -> None:
    """Sending finds the socket closed, and nothing is received: the code is told, not only the loss."""
    client = await desk.open()
    wire = server.wires[0]
    wire.open, wire.code = False, SESSION_ENDED
    stopped = lambda c: isinstance(c, StatusChanged) and c.status.state is not LinkState.ONLINE  # noqa: E731
    await heard(client, stopped, lambda: asyncio.ensure_future(client.messages.send(LOBBY, "too late")))
    assert client.connection.status.session_ended
    assert server.dials == 1


RIGHT = Secret("correct horse battery")


@pytest.fixture(autouse=True)
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer logins without a network; returns the passwords that came."""
    came: list[str] = []

    async def log_in_again(sign_in: SignIn, password: Secret, _dialog: FactorDialog) -> Profile:
        came.append(password.reveal())
        if password != RIGHT:
            raise LoginRefusedError("Wrong name or password.", "login_refused")
        return await sign_in.store.load()

    monkeypatch.setattr(SignIn, "log_in_again", log_in_again)
    return came


async def end_session(client: Client, server: FakeServer, code: int = SESSION_ENDED) -> None:
    """Let the server end the session, and wait until the client says so."""
    await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.session_ended, lambda: server.drop(code)
    )


@pytest.mark.parametrize("code", [SESSION_ENDED, SESSION_EXPIRED])
async def test_what_was_written_meanwhile_is_sent_under_the_new_session(
    desk: Desk, server: FakeServer, code: int
) -> None:
    """The client does not stop: it waits for a login, keeps the outbox and sends it, once."""
    client = await desk.open()
    await end_session(client, server, code)
    assert client.connection.status.state is LinkState.STOPPED
    entry = await client.messages.send(LOBBY, "written while logged out")
    assert (entry.delivery, entry.request is not None) == (Delivery.QUEUED, True)
    assert entry.request is not None
    await client.connection.log_in_again(RIGHT)
    async with asyncio.timeout(60):
        await client.connection.ready()
        await client.messages.stored(entry.request)
    assert client.connection.status.state is LinkState.ONLINE
    texts = [str(one.text) for one in await client.history.timeline(LOBBY)]
    assert texts.count("written while logged out") == 1


async def test_a_disabled_account_is_said_and_can_log_in_when_it_is_enabled(
    desk: Desk, server: FakeServer
) -> None:
    """The open connection learns it; the person may try the password again, as after any end."""
    client = await desk.open()
    await end_session(client, server, ACCOUNT_DISABLED)
    assert client.connection.status.problem == "The server's operator disabled this account."
    with pytest.raises(SessionEndedError, match="disabled this account"):
        await client.connection.ready()
    await client.connection.log_in_again(RIGHT)
    async with asyncio.timeout(60):
        await client.connection.ready()
    assert client.connection.status.problem == ""


async def test_a_deleted_account_is_said_and_asks_for_no_password(
    desk: Desk, server: FakeServer, logins: list[str]
) -> None:
    """No login can work any more: the client stops, and what waits is told why."""
    client = await desk.open()
    stopped = lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.STOPPED  # noqa: E731
    await heard(client, stopped, lambda: server.drop(ACCOUNT_DELETED))
    status = client.connection.status
    assert (status.session_ended, status.problem) == (False, "The server's operator deleted this account.")
    with pytest.raises(AccountDeletedError) as told:
        await client.connection.ready()
    assert told.value.hint == "What this device has stays readable here."
    with pytest.raises(SetupError):
        await client.connection.log_in_again(RIGHT)
    assert not logins
    desk.clock.advance(600)
    assert server.dials == 1


async def test_a_wrong_password_changes_nothing(desk: Desk, server: FakeServer) -> None:
    """It can be tried again, and the reason is in the error."""
    client = await desk.open()
    await end_session(client, server)
    with pytest.raises(LoginRefusedError):
        await client.connection.log_in_again(Secret("wrong"))
    assert client.connection.status.session_ended
    await client.connection.log_in_again(RIGHT)
    async with asyncio.timeout(60):
        await client.connection.ready()


async def test_it_can_end_again(desk: Desk, server: FakeServer) -> None:
    """A second session that ends is a second login, not a dead end."""
    client = await desk.open()
    for _ in range(2):
        await end_session(client, server)
        with pytest.raises(SessionEndedError):  # not "try again when the connection is back", for ever
            await client.rooms.directory()
        with pytest.raises(SessionEndedError) as refused:
            await client.connection.ready()
        assert refused.value.hint == "Log in again: parlour login test:8443 --username alice"
        await client.connection.log_in_again(RIGHT)
        async with asyncio.timeout(60):
            await client.connection.ready()


async def test_who_is_logged_in_needs_no_login(desk: Desk, logins: list[str]) -> None:
    """A password goes nowhere without a reason."""
    client = await desk.open()
    with pytest.raises(SetupError):
        await client.connection.log_in_again(RIGHT)
    assert not logins


async def test_a_client_that_waits_for_a_login_can_be_stopped(desk: Desk, server: FakeServer) -> None:
    """Quitting does not wait for a password."""
    client = await desk.open()
    await end_session(client, server)
    async with asyncio.timeout(60):
        await client.stop()


async def test_a_fault_of_a_part_stops_the_client_and_no_one_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw ends what waits for the connection, as in every program on ``Link``."""

    async def broken(_: Dispatcher, __: Hello) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Dispatcher, "greet", broken)
    client = await desk.open(ready=False)
    with pytest.raises(StoppedError, match="failed"):
        async with asyncio.timeout(60):
            await client.connection.ready()
    assert client.connection.status.state is LinkState.STOPPED
