"""A witness that people want: a server that rewrites its key log for newcomers is told on by a signature."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e import commands
from tests.e2e.processes import Person, Server, json_lines

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_protocol.frames.opaque import LogEntryBytes
from parlour_protocol.identity import AccountEntry
from parlour_protocol.identity.key_log import decode_entry, encode_entry
from parlour_server.chat.delivery.tables.key_log import append_entry

NAME = "witness.example.net"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Server, Path, str]]:
    """Return a server that runs, the folder of the witness that it lets read its log, and its key."""
    server, folder = Server(tmp_path), tmp_path / "witness"
    server.command("init")
    url, ca = f"https://localhost:{server.port}", str(server.data / "ca.pem")
    options = ("--server", "localhost", "--name", NAME, "--url", url, "--ca", ca)
    key = witness("init", str(folder), *options).strip()
    (server.data / "parlour.toml").write_text(
        f'[rates]\nhttp_per_minute = 100000\nhttp_burst = 10000\n[witnesses]\nkeys = ["{key}"]\n'
    )
    server.start()
    yield server, folder, key
    server.kill(signal.SIGTERM)


def witness(*arguments: str) -> str:
    """Run a command of the witness."""
    done = commands.run("parlour_server", "witness", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def replace_last_key(server: Server) -> None:
    """Put another account key in the place of the newest one in the log, as someone with the database can."""
    with closing(sqlite3.connect(server.data / "parlour.db")) as db, db:
        entries = [bytes(entry) for (entry,) in db.execute("SELECT entry FROM key_log ORDER BY number")]
        last = max(n for n, entry in enumerate(entries) if isinstance(decode_entry(entry), AccountEntry))
        real = decode_entry(entries[last])
        assert isinstance(real, AccountEntry)
        entries[last] = encode_entry(AccountEntry(real.at, real.user, AccountKey.generate().public))
        db.execute("DELETE FROM key_log")
        for entry in entries:
            append_entry(db, LogEntryBytes(entry))  # type: ignore[arg-type]


def test_a_log_rewritten_for_newcomers_is_told_by_the_witness(
    place: tuple[Server, Path, str], tmp_path: Path
) -> None:
    """Without it a newcomer can't know: the server's own signature holds, and nobody has written to them."""
    server, folder, key = place
    ada, ben, cat = (Person(tmp_path / name, server) for name in ("ada", "ben", "cat"))
    ada.join("ada")
    ben.join("ben")
    witness("run", str(folder), "--once")
    added = ada.run("witness", "add", key, "--json")
    assert json_lines(added.stdout)[0]["behind_since"] is None
    (listed,) = json_lines(ada.run("witness", "list", "--json").stdout)
    assert (listed["witness"], listed["key"], listed["size"]) == (NAME, key, 4)
    assert f"{NAME} signed 4 entries" in ada.run("witness", "list").stdout
    server.kill(signal.SIGTERM)
    replace_last_key(server)
    server.start()
    cat.join("cat")
    assert "different keys" not in cat.run("room", "list").stderr
    cat.run("witness", "add", key)
    told = cat.run("witness", "list").stderr
    assert f"the witness {NAME} signed another key log of 4 entries than this device saw" in told
    ada.run("witness", "remove", NAME)
    assert "You want no witness" in ada.run("witness", "list", check=False).stdout
