"""What a program can add with ``App``: settings, tables, HTTPS operations, commands, entries of its own."""

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
from tests.server.app import shop
from tests.server.app.shop import Bought, Buy, NewThing, Shelf, ShopSettings, ShopStore, app
from tests.server.core.store.later_schema import later

from parlour_protocol.kit.errors import SESSION_EXPIRED, ProgramError
from parlour_protocol.kit.frames import Error, Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.app.app import App
from parlour_server.app.program_store import ProgramStore
from parlour_server.capabilities.postgres.engine import PostgresEngine
from parlour_server.core.config.settings_table import reloaded
from parlour_server.core.errors import SetupError
from parlour_server.core.https.operations import Operation
from parlour_server.host.cli.command_line import CommandLine
from parlour_server.host.setup import migrate
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import running
from tests import postgres


async def test_an_operation_uses_the_programs_table_and_its_setting(tmp_path: Path) -> None:
    """Only with a session; a refusal is an answer like every other; a command writes to the same table."""
    async with running(app, tmp_path / "data") as world:
        anna = await world.person("anna")
        with pytest.raises(RuntimeError, match="401"):
            await world.api("POST", "/v1/things", {"thing": "lamp"})
        for thing in ("lamp", "chair"):
            made = await world.api("POST", "/v1/things", {"thing": thing}, bearer=anna.session)
        assert made == {"names": ["chair", "lamp"], "by": "anna"}
        with pytest.raises(RuntimeError, match=r"409 .*The shelf is full"):
            await world.api("POST", "/v1/things", {"thing": "vase"}, bearer=anna.session)
        with pytest.raises(RuntimeError, match="400"):
            await world.api("POST", "/v1/things", {"lamp": 1}, bearer=anna.session)
        await world.command("add", "vase")
        assert await app.store(ShopStore).things.all() == ("chair", "lamp", "vase")
        with pytest.raises(ProgramError, match="no Elsewhere"):
            app.store(type("Elsewhere", (ShopStore,), {}))
        with pytest.raises(ProgramError, match="no Elsewhere"):
            app.settings(type("Elsewhere", (ShopSettings,), {}))
    with pytest.raises(ProgramError, match="does not run"):
        app.settings(ShopSettings)


def test_a_reload_changes_only_what_needs_no_restart() -> None:
    """The program reads in its settings what the log of the reload says."""
    old, new = ShopSettings(), ShopSettings(shelf=Shelf(things=7, boards=7))
    assert reloaded(old, new).shelf == Shelf(things=7, boards=1)
    assert reloaded(old, new).rates == old.rates


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresEngine:
    """Return where a program's database is, which has no tables yet."""
    if request.param == "postgres":
        return PostgresEngine(postgres.empty("shop"))
    return tmp_path / "shop.db"


@pytest.mark.parametrize("had_tables", [False, True])
def test_the_kits_tables_change_and_the_programs_stay(
    place: Path | PostgresEngine, tmp_path: Path, *, had_tables: bool
) -> None:
    """No revision of a program merges the two: the kit's next one is a branch beside the program's."""
    migrate.create(place, app.schema if had_tables else ProgramStore.schema(app.name))
    schema = later(app.schema, tmp_path)
    with pytest.raises(SetupError, match="older schema; run `shop-server migrate`"):
        schema.check(place)
    migrate.upgrade(place, schema)
    assert schema.current(place) == schema.version == "0002, shop0001"
    schema.check(place)


def test_an_upgrade_that_fails_leaves_nothing(place: Path | PostgresEngine, tmp_path: Path) -> None:
    """When a statement fails, what was done before it is not there."""
    migrate.create(place, app.schema)
    schema = later(app.schema, tmp_path / "failing", "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(SetupError, match="cannot be migrated"):
        migrate.upgrade(place, schema)
    assert schema.current(place) == "shop0001"
    migrate.upgrade(place, later(app.schema, tmp_path / "working"))  # which makes the same table


def test_tables_of_a_program_continue_the_kits(tmp_path: Path) -> None:
    """A server that had none gets them by `migrate`; `doctor` finds damage in the kit's and in its own."""
    path = tmp_path / "shop.db"
    migrate.create(path, ProgramStore.schema(app.name))
    schema = app.schema
    migrate.upgrade(path, schema)
    assert schema.current(path) == schema.version
    schema.check(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO things VALUES ('')")
        db.execute("INSERT INTO logs (log, head, bytes) VALUES ('sale:till', 7, 0)")
    damage = schema.damage(path)
    assert len(damage) == 2
    assert damage[1] == "a thing has no name"


def test_an_operation_is_checked_before_anything_runs() -> None:
    """Two with one path, or two handlers for one, are an error of the program."""
    other = App[None](app.wire)
    row = Operation("add_thing", "POST", "/v1/sessions", "Add.", shop.HTTPStatus.OK, takes=NewThing)
    other.operation(row, role="member")(shop.add_thing)
    other.on(Buy, role="member")(shop.buy)
    with pytest.raises(ProgramError, match="two operations of the HTTPS API have the path"):
        other.check()
    with pytest.raises(ProgramError, match="handler already"):
        other.operation(row, role="member")(shop.add_thing)


@pytest.mark.parametrize(
    ("package", "shown"),
    [
        ("", "shop-server (Parlour {0})"),
        ("no-such-package", "shop-server (Parlour {0})"),
        ("parlour", "shop-server {0}"),
    ],
)
def test_version_is_that_of_the_programs_package(
    package: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With Parlour's beside it; a program that is not installed has none of its own."""
    line = CommandLine(app.name, lambda: app, about="", example="", package=package)
    assert line.run(["--version"]) == 0
    assert capsys.readouterr().out == shown.format(version("parlour")) + "\n"


def test_a_programs_own_package_is_shown_first(capsys: pytest.CaptureFixture[str]) -> None:
    """As installed: msgspec stands for it."""
    CommandLine(app.name, lambda: app, about="", example="", package="msgspec").run(["--version"])
    assert capsys.readouterr().out == f"shop-server {msgspec.__version__} (Parlour {version('parlour')})\n"


async def test_a_test_lets_time_pass(tmp_path: Path) -> None:
    """Background work wakes, budgets refill and sessions expire, and no one has waited for it."""
    clock = FakeClock()

    def once_a_minute(settings: ShopSettings) -> ShopSettings:
        rates = msgspec.structs.replace(settings.rates, messages_per_minute=1, message_burst=1)
        return msgspec.structs.replace(settings, rates=rates)

    async with running(app, tmp_path / "data", clock=clock, change=once_a_minute) as world:
        anna = await world.person("anna")
        socket = await anna.connect()
        assert isinstance(await socket.ask(Buy(new_request_id(), 0)), Ok)
        refused = await socket.ask(Buy(new_request_id(), 0))
        assert isinstance(refused, Error)
        assert refused.code == "rate_limited"
        clock.forward(60)
        assert isinstance(await socket.ask(Buy(new_request_id(), 0)), Ok)
        clock.forward(3540)
        await shop.rung.acquire()
        assert await socket.push() == Bought(1, 1)
        clock.forward(31 * 86_400)
        assert await socket.close_code() == SESSION_EXPIRED


@pytest.mark.parametrize(
    ("change", "newest"),
    [
        ({"version": "shop0002"}, "shop0001"),
        ({"version": "none"}, "shop0001"),
        ({"revisions": None}, "none"),
        ({"revisions": Path(__file__).parent}, "missing"),
    ],
)
def test_a_table_without_its_revision_is_noticed_at_the_start(change: dict[str, object], newest: str) -> None:
    """Before a database is made without it."""
    other = App[None](app.wire, store=type("OtherStore", (ShopStore,), change))
    other.on(Buy, role="member")(shop.buy)
    with pytest.raises(ProgramError, match=f"OtherStore.version is .*, but its newest revision is {newest}"):
        other.check()
