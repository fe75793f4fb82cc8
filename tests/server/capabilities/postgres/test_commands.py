"""The operator's commands for a server whose database is PostgreSQL's: the same as with a file."""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.server.app.shop import Bought, Buy, ShopStore, app
from tests.server.chat.cli.test_commands import Capture, fail, run

from parlour_protocol.kit.frames import Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_server.capabilities.postgres import engine as postgres_engine
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.program import CHAT
from parlour_server.core.clock import SystemClock
from parlour_server.host.setup.initialise import initialise
from parlour_server.testing.server import Person, running
from tests import postgres


@pytest.fixture
def url() -> str:
    """Return an empty database."""
    return postgres.empty("commands")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a server on PostgreSQL, once: tests copy its folder and its database."""
    path = tmp_path_factory.mktemp("made") / "data"
    given = {"database.url": postgres.empty("commands")}
    found = asyncio.run(initialise(CHAT, CHAT.folder(path), (), SystemClock(), given=given))
    assert found.new == ("configuration", "keys", "certificate", "key of the key log", "database", "lobby")
    postgres.empty("commands_made", template="commands")
    return path


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """Return the data folder of a server on PostgreSQL."""
    postgres.empty("commands", template="commands_made")
    path = tmp_path / "data"
    shutil.copytree(made, path)
    path.chmod(0o700)
    return path


def test_init_is_idempotent(data: Path, capsys: Capture) -> None:
    """Nothing is in the folder that the servers must share but keys and the configuration."""
    assert not (data / "parlour.db").exists()
    for more in ((), ("--database", postgres.url("commands"))):
        assert json.loads(run(capsys, "init", "--data", str(data), "--json", *more))["new"] == []


def test_every_command_works(data: Path, capsys: Capture) -> None:
    """Accounts, invites, sessions, rooms, the schema, and `doctor`."""
    here = ("--data", str(data))
    run(capsys, "user", "create", *here, "ada")
    assert [one["user"] for one in json.loads(run(capsys, "user", "list", *here, "--json"))] == ["ada"]
    run(capsys, "user", "disable", *here, "ada")
    run(capsys, "invite", "create", *here)
    assert len(json.loads(run(capsys, "invite", "list", *here, "--json"))) == 1
    assert json.loads(run(capsys, "session", "list", *here, "ada", "--json")) == []
    assert "lobby" in run(capsys, "room", "list", *here)
    assert "nothing to change" in run(capsys, "migrate", *here)


def test_what_takes_space_has_the_workers_audit_logs_and_no_file_of_a_database(
    data: Path, capsys: Capture
) -> None:
    """Each worker of `run --workers` has an audit log of its own; a PostgreSQL that is away is one line."""
    audit = data / "workers" / "2" / "audit"
    for folder in (audit.parent.parent, audit.parent, audit):
        folder.mkdir(0o700)
    (audit / "one").touch(0o600)
    (audit / "one").write_bytes(bytes(100))

    def shown() -> dict[str, int | None]:
        found = json.loads(run(capsys, "disk", "show", "--data", str(data), "--json"))
        return {one["what"]: one["bytes"] for one in found["parts"]}

    parts = shown()
    assert parts["workers/2/audit/"] == 100
    assert parts["table entries"]
    assert not [what for what in parts if what.startswith("parlour.db")]
    _use(data, postgres.url("nothing"))
    parts = shown()
    assert parts["database"] is None
    assert not [what for what in parts if what.startswith(("table", "parlour.db"))]


async def test_people_log_in(tmp_path: Path, url: str) -> None:
    """A chat's server and its people, end to end, with nothing in a file."""
    async with running(CHAT, tmp_path / "data", given={"database.url": url}) as world:
        ada = await world.person("ada")
        assert (await ada.connect()).greeted is not None
        assert "ada" in await world.command("user", "list")
        assert world.faults == []
    assert not list((tmp_path / "data").glob("*.db"))


async def test_readiness_writes_nothing(data: Path) -> None:
    """Balancers ask all the time, and servers would wait for each other's row."""
    async with running(CHAT, data) as world:
        await world.api("GET", "/readyz")
    with psycopg.connect(postgres.url("commands")) as connection:
        assert connection.execute("SELECT count(*) FROM health").fetchone() == (0,)


async def test_a_program_with_tables_of_its_own(tmp_path: Path, url: str) -> None:
    """All that a program has in a file, it has on PostgreSQL: tables, logs and commands."""
    async with running(app, tmp_path / "data", given={"database.url": url}) as world:
        anna = await world.person("anna")
        await world.api("POST", "/v1/things", {"thing": "lamp"}, bearer=anna.session)
        socket = await anna.connect()
        assert isinstance(await socket.ask(Buy(new_request_id(), 0)), Ok)
        await world.command("add", "chair")
        assert await app.store(ShopStore).things.all() == ("chair", "lamp")
        assert await socket.push() == Bought(1, 5)
        assert world.faults == []


def test_doctor_looks_at_the_database(data: Path, capsys: Capture) -> None:
    """What can lose data is dangerous, such as fsync, which is off in tests."""
    status, out = COMMAND_LINE.run(("doctor", "--data", str(data))), capsys.readouterr().out
    assert status == 1
    assert "DANGER database: fsync is off" in out
    assert re.search(r"fine   database: PostgreSQL \d+", out)
    assert "fine   clock: " in out
    assert "incarnation" in out


_DAMAGE = b"""
    INSERT INTO file_usage (owner, bytes) VALUES ('ada', 5);
    CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER evil AFTER INSERT ON entries EXECUTE FUNCTION nothing();
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_sessions_expires'::regclass;
    SET session_replication_role = replica;
    INSERT INTO members SELECT room, 'nobody', role, since, read, consent FROM members;
    INSERT INTO entries (log, seq, at, author, device, kind, body)
        SELECT log, 3, at, author, device, kind, body FROM entries;
    UPDATE entries SET body = '{}' WHERE seq = 1;
    UPDATE logs SET head = 3;
"""


def test_doctor_finds_damage(data: Path, capsys: Capture) -> None:
    """PostgreSQL refuses most of it, but not from a superuser, or a restore that turns its checks off."""
    with psycopg.connect(postgres.url("commands")) as connection:
        connection.execute(_DAMAGE)
    assert COMMAND_LINE.run(("doctor", "--data", str(data))) == 1
    out = capsys.readouterr().out
    for sentence in (
        "has 2 events, and should have 3",
        "event 1 of room",
        "the files of ada are counted with 5 bytes too many",
        "it has a trigger that no version of Parlour creates: 'evil'",
        "its index 'ix_sessions_expires' is invalid",
        "1 rows of the table 'members' refer to nothing in 'accounts'",
        "it is damaged: restore a dump",
    ):
        assert sentence in out


@pytest.mark.parametrize("key", ["", "keylog.key", "server.key"])
def test_all_servers_of_a_database_have_the_same_keys(
    data: Path, tmp_path: Path, capsys: Capture, key: str
) -> None:
    """L21: a copy of the first one's folder is a second server; any other key is refused at the start."""
    second = tmp_path / "second"
    shutil.copytree(data, second)
    second.chmod(0o700)
    if not key:
        assert json.loads(run(capsys, "init", "--data", str(second), "--json"))["new"] == []
        return
    other = ("--data", str(tmp_path / "other"))
    run(capsys, "init", *other)
    for name in (key, *(("ca.key", "ca.pem", "server.pem") if key == "server.key" else ())):
        shutil.copy(tmp_path / "other" / name, second)
    for words in (("init",), ("run", "--listen", "127.0.0.1:0")):
        _, sentence = fail(capsys, *words, "--data", str(second))
        assert f"{key} is not the key of the servers that use the database commands" in sentence


def test_a_second_server_gets_no_keys_of_its_own(data: Path, tmp_path: Path, capsys: Capture) -> None:
    """L21: `init` in an empty folder says to copy the first one's."""
    assert data.exists()
    url = postgres.url("commands")
    _, sentence = fail(capsys, "init", "--data", str(tmp_path / "second"), "--database", url)
    assert "belongs to a server already" in sentence
    assert not list((tmp_path / "second").glob("*.key"))


def test_no_secret_is_on_the_command_line(tmp_path: Path, url: str, capsys: Capture) -> None:
    """O2: other users of the machine can read it there. The sentence doesn't repeat it."""
    for wrong in (
        url.replace("postgres@", "postgres:hush@"),
        f"{url}&pass%77ord=hush",
        url.replace("postgres@", "postgres:hu/hush@x@"),
        url.replace("postgres@", "postgres:hush@x@"),
    ):
        _, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"), "--database", wrong)
        assert "--database" in sentence or "password_file" in sentence
        assert "hush" not in sentence
    _, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"), "--bus", "nats://hush@localhost")
    assert "--bus-credentials-file" in sentence
    assert "hush" not in sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("how", ["file", "environment"])
def test_a_password_is_in_a_file_or_the_environment(
    tmp_path: Path, url: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """O2: and no one else can read the file."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE commands OWNER TO {postgres.LOCKED}".encode())
    mine = postgres.url("commands", postgres.LOCKED)
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    arguments = ["init", "--data", str(tmp_path / "data"), "--database", mine]
    if how == "file":
        arguments += ["--database-password-file", str(secret)]
    else:
        monkeypatch.setenv("PGPASSWORD", "hush")
    _, sentence = fail(capsys, *arguments)
    assert "password authentication failed" in sentence
    assert "hush" not in sentence
    if how == "file":
        secret.write_text(f"{postgres.PASSWORD}\n")
        secret.chmod(0o604)
        _, sentence = fail(capsys, *arguments)
        assert f"chmod 600 {secret}" in sentence
        secret.chmod(0o600)
    else:
        monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    run(capsys, *arguments)
    run(capsys, "user", "create", "--data", str(tmp_path / "data"), "ada")
    assert postgres.PASSWORD not in (tmp_path / "data" / "parlour.toml").read_text()


def _use(data: Path, url: str) -> None:
    """Let a folder use another database."""
    file = data / "parlour.toml"
    file.write_text(re.sub('^url = "postgres.*', f'url = "{url}"', file.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "does not know (9999): a newer version made it"),
        ("DROP TABLE alembic_version", "has no tables of Parlour; make them with `parlour-server init`"),
        (f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {postgres.LOCKED}", "may not read and write"),
        ("", "permission denied"),
    ],
    ids=["new", "none", "read-only", "no rights"],
)
def test_a_database_that_cannot_be_used(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, statement: str, expected: str
) -> None:
    """One sentence that says what to do, from the server, from every command and from `doctor`."""
    with psycopg.connect(postgres.url("commands"), autocommit=True) as connection:
        connection.execute(statement.encode())
    if "GRANT" in statement or not statement:
        monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
        _use(data, postgres.url("commands", postgres.LOCKED))
    for words in (("user", "list"), ("run", "--listen", "127.0.0.1:0")):
        _, sentence = fail(capsys, *words, "--data", str(data))
        assert expected in sentence
        assert postgres.PASSWORD not in sentence
    assert COMMAND_LINE.run(("doctor", "--data", str(data))) == 1
    assert expected in capsys.readouterr().out


async def test_a_dump_is_restored(data: Path, tmp_path: Path, capsys: Capture) -> None:
    """With pg_dump and pg_restore; the logs get a new incarnation, but not while a server runs."""

    def command(*words: str) -> tuple[int, str]:
        status = COMMAND_LINE.run((*words, "--data", str(data)))
        out, err = capsys.readouterr()
        return status, out + err

    async with running(CHAT, data) as world:
        ada = await world.person("ada")
        before = world.parts.store.incarnation
        status, sentence = await asyncio.to_thread(command, "new-incarnation")
        assert (status, "a server still runs on the database commands" in sentence) == (1, True)
    status, sentence = await asyncio.to_thread(command, "backup", "create", str(tmp_path / "backup.tar"))
    assert (status, "back it up with pg_dump" in sentence) == (1, True)
    _use(data, postgres.copy("commands", "restored"))
    status, out = await asyncio.to_thread(command, "new-incarnation")
    assert (status, "end sessions that you ended since" in out) == (0, True)
    async with running(CHAT, data) as world:
        assert world.parts.store.incarnation not in {None, before}
        assert await Person(world, "ada", ada.session).connect()
        assert world.faults == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("/commands?", "/nothing?"), "does not exist; create it"),
        (("host=", "host=/nowhere"), "check that PostgreSQL runs"),
        (("host=", "port=1&host="), "check that PostgreSQL runs"),
        (("postgresql://", "postgresql://%zz"), "database.url cannot be read"),
        (("postgresql://", "mysql://"), "write postgresql://"),
    ],
)
def test_a_url_that_leads_nowhere(
    tmp_path: Path, url: str, capsys: Capture, change: tuple[str, str], expected: str
) -> None:
    """One sentence that says what to do, and nothing is made."""
    wrong = url.replace(*change)
    _, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"), "--database", wrong)
    assert expected in sentence
    assert not (tmp_path / "data").exists()


def test_an_old_postgresql_is_refused(
    tmp_path: Path, url: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says which one will do."""
    monkeypatch.setattr(postgres_engine, "OLDEST", 99)
    _, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"), "--database", url)
    assert "99 is the oldest that will do" in sentence


def test_without_the_driver(
    tmp_path: Path, url: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "parlour_server.capabilities.postgres.engine", None)
    _, sentence = fail(capsys, "init", "--data", str(tmp_path / "data"), "--database", url)
    assert "extra `cluster`" in sentence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "db.example"}, "verify-full"),
        ({"host": "db.example", "sslmode": "require"}, "require"),
        ({"host": "127.0.0.1,db.example"}, "verify-full"),
        ({"host": "localhost", "hostaddr": "192.0.2.1"}, "verify-full"),
        ({"service": "anywhere"}, "verify-full"),
        ({"host": "localhost"}, None),
        ({"host": "/run/postgresql"}, None),
        ({}, None),
    ],
)
def test_tls_is_verified(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
) -> None:
    """O2: on the way to another machine, whatever PGSSLMODE says; only the URL can do without."""
    monkeypatch.setenv("PGSSLMODE", "disable")
    is_remote, wanted = postgres_engine.with_tls(given)
    assert (is_remote, wanted.get("sslmode")) == (expected is not None, expected)
    assert bool(wanted.get("sslrootcert")) == (expected == "verify-full")
    engine = postgres_engine.PostgresEngine(make_conninfo("", **given))
    assert bool(engine.unverified) == (expected == "require")
