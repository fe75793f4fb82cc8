"""Capabilities: their settings, their tables in an older database, and one that can't start."""

import json
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from msgspec.structs import replace as changed
from sqlalchemy import Column, MetaData, Table
from starlette.requests import Request
from starlette.responses import Response
from tests.server.shop_database import SCHEMA

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.inspect import Context, Verdict
from parlour_protocol.kit.inspect import Part as Inspectable
from parlour_protocol.kit.names import NameRefusedError, parse_user_name
from parlour_protocol.kit.server_notices import FollowNotices
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.capability import Capability, Served, settings_of
from parlour_server.app.parts import Parts
from parlour_server.capabilities import CAPABILITIES
from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.core.clock import SystemClock
from parlour_server.core.config.server_settings import Keys, Section, Settings, section, setting
from parlour_server.core.config.settings_table import need_restart, rows
from parlour_server.core.content_filter import ContentFilter
from parlour_server.core.errors import SetupError
from parlour_server.core.https.operations import Operation
from parlour_server.core.store.table_facts import Tables
from parlour_server.core.store.tables import KEYED, Words
from parlour_server.host.config.settings_loader import load
from parlour_server.host.server import Server
from parlour_server.host.setup import migrate
from parlour_server.host.setup.open_store import opened
from parlour_server.testing.server import running

WIRE = Wire("shop.v1", requests=FollowNotices)


class Shelves(Section, frozen=True):
    """How much there is room for."""

    most: Annotated[int, setting("shelves", "on one wall")] = 3


SHELVES = Capability(name="shelves", settings=lambda: {"shelves": Shelves})


def test_no_one_registers_a_name_that_a_capability_keeps_for_its_accounts() -> None:
    """By its ending, and by what looks like it; other names are free."""
    app = App[None](WIRE, capabilities=(Capability(name="bots", name_endings=("-bot",)),))
    for name in ("eve-bot", "eve-b0t"):
        with pytest.raises(NameRefusedError):
            app.refuse_reserved(parse_user_name(name))
    app.refuse_reserved(parse_user_name("botany"))


def test_a_capability_has_a_section_of_the_settings(tmp_path: Path) -> None:
    """Loaded, shown and bounded like every other; settings that were made without it have its defaults."""
    app = App[None](WIRE, capabilities=(SHELVES,))
    file = tmp_path / "shop.toml"
    file.write_text("[shelves]\nmost = 5\n")
    file.chmod(0o600)
    settings = load(file, app.settings_type, app.name, environment={})
    assert section(settings, Shelves).most == 5
    assert {row.name: row.value for row in rows(settings)}["shelves.most"] == 5
    assert need_restart(app.settings_type(), settings) == ["shelves.most"]
    environment = {"SHOP_SHELVES_MOST": "6"}
    assert section(load(file, app.settings_type, app.name, environment=environment), Shelves).most == 6
    assert section(Settings(), Shelves) == section(app.settings_type(), Shelves) == Shelves()
    file.write_text("[shelves]\nmost = 0\n")
    with pytest.raises(SetupError, match=r"line 2: shelves\.most: Expected int >= 1"):
        load(file, app.settings_type, app.name, environment={})


def test_without_the_capability_its_section_is_unknown(tmp_path: Path) -> None:
    """A configuration that expects it stops the start."""
    app = App[None](WIRE, capabilities=())
    file = tmp_path / "shop.toml"
    file.write_text("[shelves]\nmost = 5\n")
    file.chmod(0o600)
    with pytest.raises(SetupError, match=r"line 1: unknown section \[shelves\]"):
        load(file, app.settings_type, app.name, environment={})


class Extra(Keys, frozen=True):
    """A key in a section that every server has."""

    waves_per_minute: Annotated[int, setting("waves per minute", "enough of them")] = 5


def test_a_capability_adds_keys_to_a_section(tmp_path: Path) -> None:
    """The file has them there, with their bounds; without the capability they are unknown."""
    app = App[None](WIRE, capabilities=(Capability(name="waves", settings=lambda: {"rates": Extra}),))
    file = tmp_path / "shop.toml"
    file.write_text("[rates]\nwaves_per_minute = 7\nmessages_per_minute = 9\n")
    file.chmod(0o600)
    settings = load(file, app.settings_type, app.name, environment={})
    assert (section(settings, Extra).waves_per_minute, settings.rates.messages_per_minute) == (7, 9)
    assert {row.name: row.value for row in rows(settings)}["rates.waves_per_minute"] == 7
    assert section(Settings(), Extra) == section(app.settings_type(), Extra) == Extra()
    file.write_text("[rates]\nwaves_per_minute = 0\n")
    with pytest.raises(SetupError, match=r"line 2: rates\.waves_per_minute: Expected int >= 1"):
        load(file, app.settings_type, app.name, environment={})
    with pytest.raises(SetupError, match="waves_per_minute"):
        load(file, App[None](WIRE, capabilities=()).settings_type, app.name, environment={})


@pytest.mark.parametrize(
    ("name", "why"), [("harbour", "has no section harbour"), ("rates", "has a key waves_per_minute already")]
)
def test_a_key_has_one_owner_and_a_section(name: str, why: str) -> None:
    """Neither is another one's replaced, nor does one vanish."""
    with pytest.raises(ProgramError, match=why):
        settings_of(Settings, [Capability(name=one, settings=lambda: {name: Extra}) for one in ("a", "b")])


def test_a_section_has_one_owner() -> None:
    """Neither two capabilities nor a capability and the program share one."""
    with pytest.raises(ProgramError, match="has a section shelves already"):
        _ = App[None](WIRE, capabilities=(SHELVES, replace(SHELVES, name="walls"))).settings_type
    with pytest.raises(ProgramError, match="has a section listen already"):
        _ = App[None](
            WIRE, capabilities=(replace(SHELVES, settings=lambda: {"listen": Shelves}),)
        ).settings_type


def shelves() -> MetaData:
    """Return the tables of a capability."""
    metadata = MetaData()
    Table("shelves", metadata, Column("shelf", Words, primary_key=True), **KEYED)
    return metadata


TABLES = Tables(metadata=shelves, bounds={"shelves": "one for each wall"})


def test_migrate_makes_the_tables_of_a_capability_that_is_new(kit_database: Path) -> None:
    """The database lacks them, so a server refuses it; without the capability they may stay."""
    newer = replace(SCHEMA, capabilities=(*SCHEMA.capabilities, TABLES))
    assert not newer.is_newest(kit_database)
    with pytest.raises(SetupError, match="`shop-server migrate`"):
        newer.check(kit_database)
    assert migrate.upgrade(kit_database, newer) == ["shelves"]
    newer.check(kit_database)
    assert migrate.upgrade(kit_database, newer) == []
    SCHEMA.check(kit_database)


def test_a_table_without_a_bound_is_not_made(kit_database: Path) -> None:
    """Nothing would look after it, and it could be another one's."""
    unbound = replace(SCHEMA, capabilities=(*SCHEMA.capabilities, replace(TABLES, bounds={})))
    with pytest.raises(ProgramError, match="bound: shelves"):
        migrate.upgrade(kit_database, unbound)


@pytest.mark.parametrize("table", ["accounts", "address_bans"])
def test_a_table_has_one_owner(table: str) -> None:
    """A capability takes no table of the core's, and none of another one."""
    taker = Capability(name="taker", tables=Tables(metadata=shelves, bounds={table: "none"}))
    with pytest.raises(ProgramError, match=f"taker has a table {table}, which is there already"):
        _ = App[None](WIRE, capabilities=(*CAPABILITIES, taker)).schema


async def test_a_capability_has_operations_of_the_https_api(tmp_path: Path) -> None:
    """Only a session reaches its handler, as ever; and it replaces no operation of every server."""

    async def count(_request: Request) -> Response:
        return Response(b"7")

    async def start(parts: Parts[Any, Any]) -> None:
        parts.hooks.handlers.append(lambda *_: {"count_shelves": count, "list_sessions": count})

    row = Operation("count_shelves", "GET", "/v1/shelves", "Count the shelves.", HTTPStatus.OK)
    counting = Capability(name="shelves", served=lambda: Served(start=start, operations=(row,)))
    async with running(App[None](WIRE, capabilities=(counting,)), tmp_path / "data") as world:
        ada = await world.person("ada")
        with pytest.raises(RuntimeError, match=": 401 "):
            await world.api("GET", "/v1/shelves")
        assert await world.api("GET", "/v1/shelves", bearer=ada.session) == 7
        assert await world.api("GET", "/v1/sessions", bearer=ada.session) != 7


async def test_a_database_without_its_tables_is_not_used(tmp_path: Path) -> None:
    """Neither by a server nor by a command: both say what to do."""
    async with running(App[None](WIRE, capabilities=()), tmp_path / "data"):
        pass
    newer = App[None](WIRE, capabilities=(Capability(name="shelves", tables=TABLES),))
    folder = newer.folder(tmp_path / "data")
    with pytest.raises(SetupError, match="`shop-server migrate`"):
        await Server.start(newer, folder, load(folder.settings, newer.settings_type, newer.name))
    with pytest.raises(SetupError, match="`shop-server migrate`"):
        async with opened(newer, folder, SystemClock()):
            pass


async def test_one_that_cannot_start_stops_the_start(tmp_path: Path) -> None:
    """With its own sentence, and nothing is left running: the folder can be used again."""

    async def start(_parts: Parts[Any, Any]) -> None:
        raise SetupError("the shelves are missing")

    broken = Capability(name="shelves", served=lambda: Served(start=start))
    with pytest.raises(SetupError, match="the shelves are missing"):
        async with running(App[None](WIRE, capabilities=(broken,)), tmp_path / "data"):
            pass


@pytest.mark.parametrize(("key", "value"), [("metrics", "127.0.0.1:9464"), ("proxies", ("192.0.2.7",))])
async def test_a_setting_that_needs_a_missing_one_stops_the_start(
    key: str, value: str | tuple[str, ...], tmp_path: Path
) -> None:
    """It does not stay without effect: an operator would rely on it."""

    def with_it(settings: Settings) -> Settings:
        return changed(settings, listen=changed(settings.listen, **{key: value}))

    bare = App[None](WIRE, capabilities=())
    with pytest.raises(SetupError, match=rf"listen\.{key} is set, but this server lacks the capability"):
        async with running(bare, tmp_path / "data", change=with_it):
            pass
    folder = bare.folder(tmp_path / "data")
    folder.settings.write_text(f"[listen]\n{key} = {json.dumps(value)}\n")
    findings, _ = examine(bare, folder)
    assert f"listen.{key}" in next(one.text for one in findings if one.about == "configuration")


def no_names(_part: Inspectable, context: Context) -> Verdict:
    """Be the inspector of a program."""
    return context.verdict()


async def test_no_inspector_of_a_program_is_left_out(tmp_path: Path) -> None:
    """Without what runs it, the server does not start."""
    shop = App[None](WIRE, inspectors=[no_names], capabilities=())
    with pytest.raises(SetupError, match=r"Shop has inspectors of its own \(no_names\), and no capability"):
        async with running(shop, tmp_path / "data"):
            pass


async def test_a_second_content_filter_does_not_replace_the_first(tmp_path: Path) -> None:
    """One of the two would look at nothing."""
    content_filter = cast("ContentFilter", object())

    async def start(parts: Parts[Any, Any]) -> None:
        parts.hooks.set_content_filter(content_filter)

    both = [Capability(name=name, served=lambda: Served(start=start)) for name in ("first", "second")]
    with pytest.raises(SetupError, match="two capabilities look at what people send"):
        async with running(App[None](WIRE, capabilities=both), tmp_path / "data"):
            pass
