"""The log contract on both engines, and what a crash leaves of a SQLite file."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.server.app.log.log_contract import GAME, LogContract, OpenStore, Server, numbers
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_protocol.kit.names import parse_user_name
from parlour_server.app.account_data import Deletion
from parlour_server.app.log_account_data import LOG_ACCOUNT_DATA
from parlour_server.app.program_store import ProgramStore
from parlour_server.capabilities.postgres.engine import PostgresEngine
from parlour_server.core.accounts.tables.accounts import new_pseudonym
from parlour_server.core.clock import SteadyClock
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import UnavailableError
from tests import postgres

ROOT = Path(__file__).parents[4]

APPENDER = """
import asyncio, sys
from pathlib import Path
from tests.server.shop_database import PROGRAM
from tests.server.app.log.log_contract import Server
from tests.server.core.store.world import FakeClock
from parlour_server.app.program_store import ProgramStore

async def main():
    store = ProgramStore(Path(sys.argv[1]), PROGRAM, FakeClock())
    await store.open()
    server = Server(store, FakeClock())
    ana = await server.person("ana")

    async def append():
        while True:
            print((await server.append(ana, b"x" * 500)).entry.seq, flush=True)

    await asyncio.gather(*(append() for _ in range(20)))

asyncio.run(main())
"""


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def database(kit_database: Path) -> Path | PostgresEngine:
    """Return a new SQLite file."""
    return kit_database


@pytest.fixture
async def open_store(database: Path | PostgresEngine, clock: FakeClock) -> AsyncIterator[OpenStore]:
    """Open stores on one database."""
    opened: list[ProgramStore] = []

    async def open_one(tells_by_bus: bool) -> ProgramStore:  # noqa: FBT001 - as in ``OpenStore``
        store = ProgramStore(database, PROGRAM, clock, tells_by_bus=tells_by_bus)
        await store.open()
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


class TestSqlLog(LogContract):
    async def test_entries_of_a_deleted_account_stay_by_another_author(
        self, server: Server, clock: FakeClock, tmp_path: Path
    ) -> None:
        """In batches; an export has them, each as it was written."""
        ana, bob = await server.person("ana"), await server.person("bob")
        for body in (b"one", b"\xff", b"two"):
            await server.append(ana, body)
        await server.append(bob, b"mine")
        store, folder = server.store, DataFolder(tmp_path, PROGRAM)
        assert await LOG_ACCOUNT_DATA.count(store, ana.user) == {"log_entries": 3}
        [file] = [one async for one in LOG_ACCOUNT_DATA.export(store, folder, ana.user)]
        lines = [json.loads(line) async for line in file.pieces]
        assert [one.get("entry", one.get("entry_base64")) for one in lines] == ['"b25l"', '"/w=="', '"dHdv"']
        new = parse_user_name(new_pseudonym())
        await store.accounts.add_pseudonym(new, "unusable")
        await LOG_ACCOUNT_DATA.delete(store, clock, Deletion(ana.user, new, keeps_messages=True))
        assert [entry.author for entry in await server.everything()] == [new, new, new, bob.user]

    async def test_a_commit_that_fails_leaves_neither_entry_nor_state(
        self, open_store: OpenStore, clock: FakeClock
    ) -> None:
        """A full disk: UnavailableError, and afterwards the numbers go on where they were."""
        store = await open_store(True)
        server = Server(store, clock)
        ana = await server.person("ana")
        await store._writer.submit(
            lambda db: db.execute(
                f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 8}"
            )
        )
        told = 0
        with suppress(UnavailableError):
            while told < 1000:
                await server.append(ana, b"x" * 2000)
                told += 1
        assert 0 < told < 1000
        await store._writer.submit(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
        assert (await server.append(ana)).entry.seq == told + 1
        assert numbers(await server.everything()) == list(range(1, told + 2))
        found = await server.log.find(GAME)
        assert found is not None
        assert found.state == str(told + 1).encode()


class TestPostgresLog(LogContract):
    @pytest.fixture
    def database(self) -> PostgresEngine:
        """Return an empty database of PostgreSQL."""
        return postgres.database("kit", SCHEMA)


def _append_until_killed(database: Path) -> int:
    """Run a process that appends, kill it, and return the highest number that it acknowledged."""
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", APPENDER, str(database)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        acknowledged = [int(next(process.stdout)) for _ in range(200)]
        process.kill()
        return max(acknowledged + [int(line) for line in process.stdout.read().splitlines()])


async def test_a_killed_process_loses_nothing_that_it_acknowledged(
    kit_database: Path, open_store: OpenStore, clock: FakeClock
) -> None:
    """Killed between two appends of many: no gap, and the state is that of the entries."""
    acknowledged = await asyncio.to_thread(_append_until_killed, kit_database)
    assert ProgramStore.schema(PROGRAM).damage(kit_database) == []
    server = Server(await open_store(True), clock)
    entries = await server.everything()
    assert numbers(entries) == list(range(1, len(entries) + 1))
    assert len(entries) >= acknowledged
    found = await server.log.find(GAME)
    assert found is not None
    assert (found.head, found.state) == (len(entries), str(len(entries)).encode())


async def test_a_check_finds_a_gap(kit_database: Path, open_store: OpenStore, clock: FakeClock) -> None:
    """`doctor` and backups report a log that lost an entry."""
    server = Server(await open_store(True), clock)
    ana = await server.person("ana")
    for _ in range(3):
        await server.append(ana)
    schema = ProgramStore.schema(PROGRAM)
    assert schema.damage(kit_database) == []
    with closing(sqlite3.connect(kit_database)) as db, db:
        db.execute("DELETE FROM entries WHERE seq = 2")
    assert schema.damage(kit_database) == ["log 'game:game:1' has 2 entries, and should have 3"]


async def test_entries_have_the_time_that_people_read(kit_database: Path, clock: FakeClock) -> None:
    """The system clock was wrong at the start and is set: entries follow it, the ends of sessions do not."""
    store = ProgramStore(kit_database, PROGRAM, SteadyClock(clock), tells_by_bus=True)
    await store.open()
    server = Server(store, clock)
    ana = await server.person("ana")
    clock.wall += 365 * 86_400_000
    assert (await server.append(ana)).entry.at == clock.now()
    await store.close()
