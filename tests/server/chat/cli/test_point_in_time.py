"""A server on PostgreSQL goes back to a moment, as docs/how-to/cluster.md says: a base backup and the WAL."""

import asyncio
import json
import shutil
from pathlib import Path

import psycopg
import pytest
from tools.cluster.postgres import Postgres

from parlour_server.chat.cli.command_line import COMMAND_LINE

pytestmark = pytest.mark.long
ARCHIVE = {
    "archive_mode": "on",
    "archive_command": "mkdir -p ../wal && test ! -f ../wal/%f && cp %p ../wal/%f",
}


async def test_a_server_goes_back_to_a_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who came before it is there, who came after it is not, and clients are told by another incarnation."""
    data = tmp_path / "data"

    async def run(*words: str) -> str:
        status = await asyncio.to_thread(COMMAND_LINE.run, (*words, "--data", str(data)))
        out, err = capsys.readouterr()
        assert status == 0, err
        return out

    async def people() -> set[str]:
        return {one["user"] for one in json.loads(await run("user", "list", "--json"))}

    postgres = Postgres(tmp_path, ARCHIVE)
    try:
        await postgres.start()
        monkeypatch.setenv("PGPASSWORD", postgres.password)
        await run("init", "--database", postgres.url())
        await run("user", "create", "anna")
        base = postgres.data.with_name("base")
        await postgres.run(
            "pg_basebackup", "--pgdata", str(base), "--checkpoint", "fast", "--wal-method", "none",
            "--no-sync", "--dbname", postgres.url("postgres"),
        )  # fmt: skip
        await run("user", "create", "ben")
        async with await psycopg.AsyncConnection.connect(postgres.conninfo(), autocommit=True) as connection:
            [moment] = await (await connection.execute("SELECT clock_timestamp()")).fetchone() or [None]
            [before] = await (await connection.execute("SELECT name FROM incarnation")).fetchone() or [None]
        await run("user", "create", "mallory")
        await postgres.stop()  # the rest of the WAL is archived when it stops
        shutil.rmtree(postgres.data)
        base.rename(postgres.data)
        (postgres.data / "recovery.signal").touch()
        with (postgres.data / "postgresql.conf").open("a") as settings:
            settings.write("restore_command = 'cp ../wal/%f %p'\n")
            settings.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
        await postgres.start()
        for _ in range(200):  # it can be read before it can be written
            async with await psycopg.AsyncConnection.connect(postgres.conninfo()) as connection:
                if await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone() == (False,):
                    break
            await asyncio.sleep(0.05)
        assert "Tell people" in await run("new-incarnation")
        assert {"anna", "ben"} <= await people()
        assert "mallory" not in await people()
        async with await psycopg.AsyncConnection.connect(postgres.conninfo()) as connection:
            assert await (await connection.execute("SELECT name FROM incarnation")).fetchone() != (before,)
    finally:
        await postgres.close()
