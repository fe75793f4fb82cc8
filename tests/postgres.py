"""A real PostgreSQL on a Unix socket, from a wheel: one for each process of the tests that needs it."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tools.cluster.postgres import UNPRIVILEGED, programs_for
from tools.cluster.process import START_SECONDS, identity
from tools.cluster.watchdog import Watchdog

from parlour_server.capabilities.postgres.engine import PostgresEngine
from parlour_server.core.store.schema import Schema
from parlour_server.host.setup import migrate

_CLEAR = """
    DO $$ DECLARE name text; BEGIN
        SET LOCAL session_replication_role = replica;  -- no foreign keys
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
            AND tablename NOT IN ('alembic_version', 'incarnation')
        LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
        FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
        LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
    END $$
"""

LOCKED: Final = "locked"
"""A user who needs a password, and has no rights."""
PASSWORD: Final = "tigress-violin-marble"


@cache
def server() -> str:
    """Start one, which ends with this process; return how to connect to it."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a short path: that of its socket has 107 bytes
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    programs = programs_for(user, folder)
    data = folder / "data"
    if user is not None:
        shutil.chown(folder, user)
    subprocess.run(  # noqa: S603 - of the wheel
        [
            programs / "initdb",
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        **identity(user),
    )
    rules = data / "pg_hba.conf"
    rules.write_text(f"local all {LOCKED} scram-sha-256\n{rules.read_text()}")
    settings = {"fsync": "off", "listen_addresses": "", "unix_socket_directories": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen[bytes](
            [
                programs / "postgres",
                "-D",
                str(data),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl+C in the terminal is for the tests
            **identity(user),
        )
    watchdog = Watchdog(process.pid, folder, signal.SIGQUIT)  # which a server takes for "at once"
    atexit.register(_end, process, watchdog, folder)
    conninfo = make_conninfo(host=str(folder), user="postgres", dbname="postgres")
    with _connected(conninfo, process, folder / "log") as connection:
        connection.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{PASSWORD}'".encode())
    return conninfo


def _connected(conninfo: str, process: "subprocess.Popen[bytes]", log: Path) -> "psycopg.Connection[Any]":
    """Wait until it lets someone in."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
        time.sleep(0.02)  # another process: there is no event to wait for


def _end(process: "subprocess.Popen[bytes]", watchdog: Watchdog, folder: Path) -> None:
    watchdog.release()
    process.send_signal(signal.SIGQUIT)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def socket_path() -> str:
    """Return the Unix socket on which it listens."""
    with psycopg.connect(server()) as connection:
        return f"{one(connection, 'SHOW unix_socket_directories')}/.s.PGSQL.{connection.info.port}"


def one(connection: "psycopg.Connection[Any]", query: str) -> str:
    """Return the text that a query finds."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def dsn(name: str) -> str:
    """Return how to connect to a database."""
    return make_conninfo(server(), dbname=name)


@cache
def _made(name: str, schema: Schema) -> tuple[PostgresEngine, bytes]:
    """Make a database, once; return it, and the statement for the rows that a new one has."""
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    engine = PostgresEngine(dsn(name))
    migrate.create(engine, schema)
    with psycopg.connect(dsn(name)) as connection:
        usage = connection.execute("SELECT to_regclass('file_usage') IS NOT NULL").fetchone()
    return engine, b"INSERT INTO file_usage VALUES ('', 0)" if usage == (True,) else b""


def database(name: str, schema: Schema) -> PostgresEngine:
    """Return a database as `init` makes it: the same one for each test, made empty."""
    engine, rows = _made(name, schema)
    with psycopg.connect(dsn(name)) as connection:
        connection.execute(_CLEAR.encode())
        if rows:
            connection.execute(rows)
    return engine


def again(name: str, schema: Schema) -> PostgresEngine:
    """Return the same database as it is now, for another server."""
    return _made(name, schema)[0]


def empty(name: str, template: str = "template1") -> str:
    """Return how to connect to an empty database, or a copy of another one, made again for each test."""
    named = sql.Identifier(name)
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(named))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(named, sql.Identifier(template)))
    return url(name)


def copy(source: str, target: str) -> str:
    """Dump a database and restore it as another one, as an operator does; return how to connect to it."""
    made = empty(target)
    with psycopg.connect(server(), autocommit=True) as connection:
        programs = one(connection, "SELECT setting FROM pg_config WHERE name = 'BINDIR'")
    dump = [Path(programs, "pg_dump"), "--format=custom", f"--dbname={url(source)}"]
    restore = [Path(programs, "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={made}"]
    dumped = subprocess.run(dump, check=True, capture_output=True)  # noqa: S603 - of the wheel
    subprocess.run(restore, check=True, input=dumped.stdout)  # noqa: S603 - of the wheel
    return made


def url(name: str, user: str = "postgres", password: str = "") -> str:
    """Return the URL of a database, as an operator writes it."""
    given = conninfo_to_dict(server())
    secret = f":{password}" if password else ""
    return f"postgresql://{user}{secret}@/{name}?{urlencode({'host': given['host']})}"
