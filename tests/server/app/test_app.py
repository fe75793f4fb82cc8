"""``App``: a program in a few lines is a whole server, and an incomplete one does not start."""

import asyncio
import dataclasses
import io
import json
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import pytest
from tests.forked import ForkedPython, PipedPython
from tests.server.core.store.world import log_in

from parlour_protocol.kit.errors import SESSION_ENDED, ProgramError
from parlour_protocol.kit.frames import Error, Hello, Ok, Request
from parlour_protocol.kit.ids import Millis, SessionId, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name, skeleton
from parlour_protocol.kit.wire import Wire
from parlour_server.app import app as kit_app
from parlour_server.app.app import App
from parlour_server.app.hooks import Hooks
from parlour_server.app.parts import Parts
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.clock import SteadyClock, SystemClock
from parlour_server.core.config.server_settings import Listen
from parlour_server.core.config.settings_table import rows
from parlour_server.core.connections.budgets import Budget
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import NewAccountRecord, SessionRecord
from parlour_server.host.config.settings_loader import load
from parlour_server.host.server import Server
from parlour_server.host.setup.initialise import initialise
from parlour_server.testing.server import Socket, World, running

from ticker import server as ticker_program
from ticker.frames import Price, Watch

PATIENCE = 60.0


class Ticker:
    """The ticker as a process; tests/examples runs it by the commands that its operator types."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._ready = folder / "ready"
        self._log = folder / "log"
        self._process: ForkedPython | None = None

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a command to its end and return what it prints."""
        process = PipedPython(["-m", ticker_program.__name__, *arguments, "--data", str(self.data)])
        out, errors = process.communicate(stdin, timeout=PATIENCE)
        assert process.wait() == 0, errors
        return out

    def start(self) -> None:
        """Serve on a free port, and wait until it does."""
        line = ["-m", ticker_program.__name__, "run", "--data", str(self.data)]
        line += ["--listen", "127.0.0.1:0", "--ready-file", str(self._ready)]
        with self._log.open("wb") as log:
            self._process = ForkedPython(line, files={2: log.fileno()}, cheap_passwords=True)
        end = time.monotonic() + PATIENCE
        while not self._ready.exists():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)  # another process writes the file: there is no event to wait for
        self.port = urlsplit(json.loads(self._ready.read_text())["url"]).port or 0

    def stop(self) -> None:
        """Stop as systemd does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(PATIENCE) == 0


@pytest.fixture
def ticker(tmp_path: Path) -> Iterator[Ticker]:
    """Run a ticker."""
    made = Ticker(tmp_path)
    made.command("init")
    made.start()
    yield made
    made.stop()


async def test_a_ticker_in_forty_lines_is_a_whole_server(ticker: Ticker) -> None:
    """From `init` to prices over real TLS: invite, account, session, ticket, WebSocket, and its end."""
    async with World(ticker_program.app, ticker.data, ticker.port) as world:
        ada = await world.person("ada")
        socket = await ada.connect()
        hello = socket.greeted
        assert isinstance(hello, Hello)
        assert (hello.user, hello.server) == ("ada", "localhost")
        assert isinstance(await socket.ask(Watch(new_request_id(), ("ACME", "INITECH"))), Ok)
        assert {(await price(socket)).symbol for _ in range(10)} == {"ACME", "INITECH"}
        refused = await socket.ask(Watch(new_request_id(), ("ENRON",)))
        assert isinstance(refused, Error)
        assert (refused.code, str(refused.hint)) == ("not_found", "there is no ENRON")
        other = await ada.connect()
        await other.ask(Watch(new_request_id(), ("GLOBEX",)))
        assert {(await price(other)).symbol for _ in range(4)} == {"GLOBEX"}
        assert ticker.command("session", "end", "ada", "--all") == "1 ended\n"
        assert await socket.close_code() == await other.close_code() == SESSION_ENDED
    assert "ada  since " in ticker.command("user", "list")
    goes = PipedPython(["-m", ticker_program.__name__, "user", "delete", "ada", "--data", str(ticker.data)])
    told = goes.communicate("", timeout=PATIENCE)[1]
    assert goes.wait() == 2
    assert "What stays:" in told
    assert "uploaded files" not in told, "a ticker has none"
    assert sorted(path.name for path in ticker.data.iterdir() if path.suffix in {".toml", ".db"}) == [
        "ticker.db",
        "ticker.toml",
    ]


async def price(socket: Socket) -> Price:
    """Read the next price."""
    push = await socket.push()
    assert isinstance(push, Price)
    return push


async def test_an_account_cannot_send_more_than_the_program_allows(tmp_path: Path) -> None:
    """R1: `messages_per_minute=60` holds over all connections of an account, with no line in the program."""
    async with running(ticker_program.app, tmp_path / "data") as world:
        ada = await world.person("ada")
        codes = []
        for _ in range(2):
            socket = await ada.connect()
            for _ in range(40):
                found = await socket.ask(Watch(new_request_id(), ()))
                codes.append(found.code if isinstance(found, Error) else "ok")
    assert codes[:60] == ["ok"] * 60
    assert codes[-1] == "rate_limited"


def test_the_reads_of_the_wire_count_as_reads() -> None:
    """L26: unless the program says otherwise."""
    wire: Wire[Any, Any] = Wire("ticker.v1", requests=Watch, reads=(Watch,))
    assert App[None](wire).budgets == {Watch: Budget.READ}
    assert App[None](wire, budgets={Watch: Budget.MESSAGE}).budgets == {Watch: Budget.MESSAGE}


async def test_a_password_is_not_based_on_the_programs_name(ticker: Ticker) -> None:
    """P3: over HTTPS and on the command line."""
    weak = "ticker1234567890xyz"
    async with World(ticker_program.app, ticker.data, ticker.port) as world:
        account = {"username": "ada", "password": weak, "invite": await world.invite()}
        with pytest.raises(RuntimeError, match=r"400 .*too similar to the name"):
            await world.api("POST", "/v1/accounts", account)
    with pytest.raises(AssertionError, match=r"ticker\.server: The password is too similar to the name"):
        ticker.command("user", "create", "ada", "--password-stdin", stdin=weak)


def test_the_programs_limit_is_the_default_of_a_setting(tmp_path: Path) -> None:
    """An operator who sets another rate keeps the program's, and may set this one, too."""
    app, file = ticker_program.app, tmp_path / "ticker.toml"
    assert {row.name: row.value for row in rows(app.settings_type())}["rates.messages_per_minute"] == 60
    file.write_text("[rates]\nstrikes = 7\n")
    file.chmod(0o600)
    rates = load(file, app.settings_type, app.name, environment={}).rates
    assert (rates.strikes, rates.messages_per_minute, rates.message_burst) == (7, 60, 60)
    environment = {"TICKER_RATES_MESSAGES_PER_MINUTE": "5"}
    rates = load(file, app.settings_type, app.name, environment=environment).rates
    assert rates.messages_per_minute == 5


class Other(Request, frozen=True, tag="other"):
    """A request of no program."""


async def ignore(*_: object) -> None:
    """Do nothing."""


def test_a_program_that_forgets_a_request_does_not_start() -> None:
    """Nothing fails open: each member of the union has exactly one handler, and no other frame has one."""
    app: App[None] = App(Wire("shop.v1", requests=Watch | Other))
    app.on(Watch, role="member")(ignore)
    with pytest.raises(ProgramError, match=r"no handler for Other"):
        app.main()
    with pytest.raises(ProgramError, match="Watch has a handler already"):
        app.on(Watch)
    with pytest.raises(ProgramError, match=r"Other is not one of the requests of ticker\.v1"):
        ticker_program.app.on(Other)
    app.on(Other, role="member")(ignore)
    assert app.name.command == "shop-server"


@pytest.mark.parametrize(("word", "says"), [("auction", "an Auction server"), ("shop", "a Shop server")])
def test_help_says_it_in_a_sentence(word: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the article that belongs to the name."""
    app: App[None] = App(Wire(f"{word}.v1", requests=Other))
    app.on(Other, role="member")(ignore)
    monkeypatch.setattr("sys.argv", [word, "--help"])
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit):
        app.main()
    assert f"Run and administer {says}." in out.getvalue()


async def test_background_work_that_fails_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program's fault stops neither its work nor its server; a stopped server leaves nothing behind."""
    monkeypatch.setattr(kit_app, "RESTART_SECONDS", 0.0)
    logged: list[tuple[str, BaseException]] = []
    monkeypatch.setattr(kit_app, "log_fault", lambda where, error: logged.append((where, error)))
    app: App[None] = App(Wire("shop.v1", requests=Other))
    app.on(Other, role="member")(ignore)
    faults = [ValueError("a fault"), SystemExit(3), asyncio.CancelledError()]
    begun: list[int] = []
    again = asyncio.Event()

    @app.background
    async def work() -> None:
        begun.append(len(begun))
        if len(begun) > len(faults):
            again.set()
            await asyncio.Event().wait()
        raise faults[len(begun) - 1]

    folder = app.folder(tmp_path / "data")
    await initialise(app, folder, (), SystemClock())
    settings = msgspec.structs.replace(app.settings_type(), listen=Listen(address="127.0.0.1:0"))
    for _ in range(2):
        del begun[:]
        again.clear()
        server = await Server.start(app, folder, settings)
        async with asyncio.timeout(PATIENCE):
            await again.wait()
        assert logged == [("background work work", fault) for fault in faults]
        logged.clear()
        assert len(app.topic("anything")) == 0
        with pytest.raises(ProgramError, match="in this process already"):
            await Server.start(app, app.folder(await _made(app, tmp_path)), settings)
        await server.stop()
        with pytest.raises(ProgramError, match="does not run"):
            app.topic("anything")


async def _made(app: App[None], tmp_path: Path) -> Path:
    path = tmp_path / "other"
    await initialise(app, app.folder(path), (), SystemClock())
    return path


async def test_a_session_that_has_just_ended_is_not_greeted(tmp_path: Path) -> None:
    """S1: it ended after its ticket was redeemed, and no one had told this server when the socket opened."""
    app: App[None] = App(Wire("shop.v1", requests=Other))
    app.on(Other, role="member")(ignore)
    app.greets(lambda peer: Hello("shop.example", peer.user, peer.device, peer.session, Millis(0)))
    folder, clock = app.folder(tmp_path / "data"), SystemClock()
    await initialise(app, folder, (), clock)
    store = app.make_store(SqliteEngine(folder.database), clock)
    await store.open()
    ada, now = parse_user_name("ada"), clock.now()
    await store.accounts.create(NewAccountRecord(ada, skeleton(ada), "", now), None)
    for session in ("s" * 22, "t" * 22):
        expires = Millis(now + 60_000)
        record = SessionRecord(
            SessionId(session), ada, parse_device_name("box"), session.encode(), now, now, expires
        )
        await log_in(store, record, cap=5)
    await store.sessions.end(ByOperator(ada), SessionId("s" * 22))
    fields = {field.name: cast("Any", None) for field in dataclasses.fields(Parts)}
    async with AsyncExitStack() as stack:
        parts = Parts(
            **fields | {"hooks": Hooks(), "store": store, "steady": SteadyClock(clock), "stack": stack}
        )
        program = await app.start(parts)
        peers = [SimpleNamespace(user=ada, session=one * 22, device=parse_device_name("box")) for one in "st"]
        ended, live = [await program.greet(cast("Any", peer)) for peer in peers]
    assert ended is None
    assert isinstance(live, Hello)
    assert live.session == "t" * 22
    await store.close()
