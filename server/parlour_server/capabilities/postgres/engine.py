"""The engine of a PostgreSQL database, which any number of servers may use at once.

What one process has in SQLite, a write that nothing else runs beside, all servers have here by advisory
locks, which end with their transaction: a write without ``within`` takes one lock alone, others share it, and
each of these takes the lock of its log. Locks are taken in one order, so transactions wait for each other and
never in a circle. Because the journal is written without ``within`` only, its numbers are committed in order.
"""

import hashlib
import os
import re
import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors, sql
from psycopg.adapt import Dumper
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.types.numeric import Int2Dumper

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.capabilities.postgres.shared_nodes import connections, running
from parlour_server.capabilities.postgres.tickets import SharedTickets
from parlour_server.core.addresses import is_loopback
from parlour_server.core.clock import Clock
from parlour_server.core.errors import OutcomeUnknownError, SetupError
from parlour_server.core.store.engine.connection import (
    Cursor,
    HalfDoneError,
    Job,
    MustBeAloneError,
    Outcome,
    Parameters,
    WriteTogether,
    unavailable,
)
from parlour_server.core.store.engine.writer import Writer

OLDEST: Final = 15
"""The oldest major version."""

_EVERY_WRITE: Final = 0x7061_726C_6F75_72
"""The lock that a write without ``within`` takes alone."""

_SETTINGS: Final = {
    "synchronous_commit": "on",  # an acknowledged event survives the loss of power
    "lock_timeout": "10s",
    "statement_timeout": "20s",
    # a server that hangs, or is gone, must not keep its locks
    "idle_in_transaction_session_timeout": "5s",
    "timezone": "UTC",
}
_CONNECTION: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems have the certificates of the CAs that they trust: psycopg's own OpenSSL looks elsewhere."""
_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
_LONGEST_PASSWORD: Final = 4096
_ADVICE: Final = (
    ("password", "check the user in the URL, and the password in database.password_file"),
    ("no pg_hba.conf entry", "allow this user and address in the pg_hba.conf of PostgreSQL"),
    ("permission denied", "make the user of the URL the owner of the database"),
    ("does not match host name", "name the host in the URL as its certificate does"),
    ("certificate", "give the CA that signed it in the URL, as sslrootcert=FILE"),
    ("SSL", "turn TLS on in PostgreSQL (`ssl = on`)"),
    ("does not exist", "create it in PostgreSQL, or mend the URL"),
)
"""The advice for an error, by a word in it."""

_FORBIDDEN: Final = """
    SELECT tablename FROM pg_tables
    WHERE schemaname = ANY (current_schemas(false)) AND NOT (
        has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT')
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE')
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE'))
"""
"""The tables that this user can't use."""

_SIZES: Final = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""
_TRIGGERS: Final = """
    SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND relnamespace = ANY (current_schemas(false)::regnamespace[]) ORDER BY tgname
"""
_INVALID_INDEXES: Final = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relnamespace = ANY (current_schemas(false)::regnamespace[]) ORDER BY relname
"""
_FOREIGN_KEYS: Final = """
    SELECT conrelid::regclass::text, confrelid::regclass::text, (
        SELECT string_agg(format('child.%I = parent.%I', mine.attname, theirs.attname), ' AND ')
        FROM unnest(conkey, confkey) AS pair (here, there)
        JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attnum = pair.here
        JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = pair.there
    ), (
        SELECT string_agg(format('child.%I IS NOT NULL', attname), ' AND ')
        FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
    )
    FROM pg_constraint WHERE contype = 'f' AND connamespace = ANY (current_schemas(false)::regnamespace[])
    ORDER BY 1, 2
"""
"""Each reference: its table, the one that it refers to, how they are joined, and which rows refer at all."""
_DATABASES: Final = (psycopg.Error, MemoryError, SetupError)
"""The errors that end a transaction, but for those of one statement, which belong to its write."""
_OWN_FAULT: Final = (
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    psycopg.DataError,
    psycopg.InterfaceError,
    psycopg.NotSupportedError,
)
_TRIES: Final = 3


class _BoolDumper(Int2Dumper):
    """Flags are numbers, as in SQLite."""

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


class _ArrayDumper(Dumper):
    """Arrays of texts, numbers or bytes, whose type the statement says.

    psycopg's own asks a regular expression about each element, which was a third of what an append cost.
    """

    def dump(self, obj: Sequence[Any]) -> bytes:
        """Return the array in PostgreSQL's notation."""
        data = ("{" + ",".join(map(_element, obj)) + "}").encode()
        if b"\0" in data:
            raise psycopg.DataError("a text of PostgreSQL cannot contain NUL")
        return data


def _element(value: Any) -> str:
    if isinstance(value, str):
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return "NULL" if value is None else str(int(value))


@lru_cache(maxsize=1024)
def translated(statement: str) -> bytes:
    """Return a statement with PostgreSQL's parameters: `$1` for `?1`, or for the first `?`."""
    number = 0

    def parameter(found: re.Match[str]) -> str:
        nonlocal number
        number += 1
        return f"${found[1] or number}"

    dollars = re.sub(r"\?(\d*)", parameter, statement)
    listed = r"json_array_elements_text(\1::json) AS each (value)"
    return re.sub(r"json_each\((\$\d+)\)", listed, dollars).encode()


class PostgresConnection:
    """A connection, with the interface that SQLite's has."""

    is_shared = True

    def __init__(self, raw: "psycopg.Connection[Any]", *, announces: bool) -> None:
        self.raw = raw
        raw.adapters.register_dumper(bool, _BoolDumper)
        raw.adapters.register_dumper(list, _ArrayDumper)
        self.announces = announces
        self.stale_wal = False
        """Nothing: what was deleted stays in dead rows until a vacuum, and in PostgreSQL's own log."""
        self.alone = False
        self.changes = 0
        """How many rows were changed."""

    @property
    def is_lost(self) -> bool:
        """Whether the server ended it."""
        return self.raw.closed

    def execute(self, statement: str, parameters: Parameters = (), /) -> Cursor:
        """Run a statement."""
        cursor = psycopg.RawCursor(self.raw)
        cursor.execute(translated(statement), parameters)
        if cursor.rowcount > 0 and not (cursor.statusmessage or "").startswith("SELECT"):
            self.changes += cursor.rowcount
        return cursor

    def executemany(self, statement: str, rows: Iterable[Parameters], /) -> None:
        """Run a statement for each of the rows."""
        cursor = psycopg.RawCursor(self.raw)
        cursor.executemany(translated(statement), rows)
        self.changes += max(cursor.rowcount, 0)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Run a block in one read transaction."""
        self.raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):  # the connection is lost; the block's error tells
                self.raw.execute("ROLLBACK")

    def scrub(self) -> None:
        """Do nothing; see ``stale_wal``."""

    def close(self) -> None:
        """Disconnect."""
        self.raw.close()


class PostgresEngine:
    """The PostgreSQL database of a connection string (a `postgresql://` URL, or libpq's keywords)."""

    failures: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InternalError, SetupError)
    is_shared = True
    dialect = "postgresql+psycopg"

    def is_damage(self, error: BaseException) -> bool:
        """Return whether PostgreSQL found a page or an index damaged."""
        return isinstance(error, errors.DataCorrupted | errors.IndexCorrupted)

    def __init__(self, dsn: str, password_file: Path | None = None, *, read_only: bool = False) -> None:
        """Read the connection string. Raises SetupError, in whose text nothing of it is: it has a password.

        The password is read from the file for each connection, so that it can change. With ``read_only`` the
        writer's connection can't write either.
        """
        self._read_only = read_only
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        except psycopg.ProgrammingError:
            raise SetupError(
                "database.url cannot be read; write postgresql://user@host/name, with % codes for special"
                " characters"
            ) from None
        if any("@" in given.get(part, "") for part in ("host", "port", "dbname")):
            raise SetupError(
                "database.url has an @ where none belongs; write special characters of the password as %"
                " codes, or put it into database.password_file"
            )
        self.has_password = bool(given.get("password") or given.get("sslpassword"))
        """Whether the connection string has a secret in it."""
        self._password_file = password_file
        self._is_remote, wanted = with_tls(given)
        self._host, self._database = wanted.get("host", ""), wanted.get("dbname", "")
        self._sslmode = wanted.get("sslmode", "")
        self._dsn = make_conninfo("", **{**_CONNECTION, **wanted})

    @property
    def unverified(self) -> str:
        """How the connection can be read or redirected by others on the network; empty if it cannot."""
        if not self._is_remote or self._sslmode == "verify-full":
            return ""
        if self._sslmode == "verify-ca":
            what = "any server with a certificate of the CA can pass for it"
        else:
            what = "anyone on the network between can pass for it, and read everything"
        return f"{self} is reached with sslmode={self._sslmode}: {what}; remove sslmode from the URL"

    def __str__(self) -> str:
        """How the database is called in sentences: without its password."""
        return f"the database {self._database or 'of this user'} at {self._host or 'localhost'}"

    def connect_writer(self, *, announces: bool) -> PostgresConnection:
        """Open a connection that writes. Raises SetupError, psycopg.OperationalError."""
        return PostgresConnection(self._connect(read_only=self._read_only), announces=announces)

    def connect_reader(self) -> PostgresConnection:
        """Open a connection that cannot write. Raises SetupError, psycopg.OperationalError."""
        return PostgresConnection(self._connect(read_only=True), announces=True)

    def run_batch(self, connection: PostgresConnection, jobs: Sequence[Job]) -> list[Outcome]:
        """Run the jobs in order and commit them; returns when they are on disk.

        Raises psycopg.OperationalError if the connection is lost, and OutcomeUnknownError if that was during
        the commit.
        """
        careful, alone = False, any(job.within is None for job in jobs)
        failure: Exception = RuntimeError("no transaction was tried")
        for _ in range(_TRIES):
            try:
                return _commit(connection, jobs, careful=careful, alone=alone)
            except HalfDoneError:
                # Rare (writes refuse before they change anything), so savepoints are paid for only now.
                connection.raw.execute("ROLLBACK")
                careful = True
            except MustBeAloneError:
                connection.raw.execute("ROLLBACK")
                alone = True
            except (errors.DeadlockDetected, errors.SerializationFailure) as error:
                connection.raw.execute("ROLLBACK")
                failure = error
            except self.failures as error:
                if connection.raw.broken or connection.raw.closed:
                    raise
                connection.raw.execute("ROLLBACK")
                failure = error
                break
        return [(job, None, unavailable(failure)) for job in jobs]

    def revisions(self) -> frozenset[str]:
        """Return the revisions of the database, none if it has no schema. Raises SetupError."""
        rows = self._rows("SELECT version_num FROM alembic_version")
        return frozenset(str(revision) for (revision,) in rows)

    def incarnation(self) -> tuple[Incarnation, Millis] | None:
        """Return the incarnation and when it began; None for an older schema. Raises SetupError."""
        rows = self._rows("SELECT name, since FROM incarnation")
        return (Incarnation(rows[0][0]), Millis(rows[0][1])) if rows else None

    def check_rights(self) -> None:
        """Raise SetupError if this user can't read and write every table."""
        for (table,) in self._rows(_FORBIDDEN):
            raise SetupError(
                f"{self} has tables that this user may not read and write ({table}); make it their owner, or"
                " `GRANT SELECT, INSERT, UPDATE, DELETE` on all of them"
            )

    def exists(self) -> bool:
        """Return whether it has a schema. Raises SetupError."""
        return bool(self.revisions())

    def table_names(self, db: PostgresConnection) -> frozenset[str]:
        """Return the names of all tables."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
        return frozenset(name for (name,) in db.execute(query).fetchall())

    def table_sizes(self, db: PostgresConnection) -> Iterable[tuple[str, int | None]]:
        """Return the bytes of each table with its indexes."""
        return db.execute(_SIZES).fetchall()

    def find_damage(self, db: PostgresConnection) -> Iterator[str]:
        """Yield what PostgreSQL itself would refuse, but for superusers and restores that turn that off.

        It knows of broken pages itself, by their checksums. These checks are queries, in a transaction, and
        no event crosses the network.
        """
        db.execute("SET LOCAL statement_timeout = 0")  # a large table takes longer
        for (name,) in db.execute(_TRIGGERS):
            yield f"it has a trigger that no version of Parlour creates: {name!a}"
        for (name,) in db.execute(_INVALID_INDEXES):
            yield f"its index {name!a} is invalid: make it again with REINDEX INDEX"
        for table, other, joined, refers in db.execute(_FOREIGN_KEYS):
            [count] = db.execute(
                f"SELECT count(*) FROM {table} AS child WHERE {refers}"  # noqa: S608 - PostgreSQL quoted the names
                f" AND NOT EXISTS (SELECT FROM {other} AS parent WHERE {joined})"
            ).fetchone()
            if count:
                yield f"{count} rows of the table {table!a} refer to nothing in {other!a}"

    def refuse_running(self, db: PostgresConnection) -> None:
        """Raise SetupError if a server uses it."""
        if found := running(db):
            raise SetupError(f"a server still runs on {self} ({found[0]}); stop all of them first")

    def connections(self, db: PostgresConnection) -> Mapping[str, int] | None:
        """Return how many connections each account has at all servers, of those that have any."""
        return connections(db)

    def make_tickets(self, writer: Writer, clock: Clock) -> SharedTickets:
        """Return what keeps the tickets of all servers."""
        return SharedTickets(writer, clock)

    def _rows(self, statement: str) -> "list[tuple[Any, ...]]":
        with self.explained(), closing(self._connect()) as connection:
            try:
                return connection.execute(statement.encode()).fetchall()
            except errors.UndefinedTable:
                return []

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise SetupError for an error of psycopg in a block."""
        try:
            yield
        except psycopg.Error as error:
            raise SetupError(self._cannot_open(error)) from error

    def _cannot_open(self, error: Exception) -> str:
        """Return a sentence, without secrets, for an error of connecting or of a first statement."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        advice = (todo for word, todo in _ADVICE if any(word in line for line in lines))
        todo = next(advice, "check that PostgreSQL runs and that database.url is right")
        return f"{self} cannot be opened: {lines[0].strip()}; {todo}"

    def connect_to_migrate(self) -> "psycopg.Connection[Any]":
        """Open a connection that changes the schema. Raises SetupError."""
        with self.explained():
            connection = self._connect()
        for limit in (
            "statement_timeout",
            "idle_in_transaction_session_timeout",
        ):  # a large table takes longer
            connection.execute(sql.SQL("SET {} = 0").format(sql.Identifier(limit)))
        connection.autocommit = False
        return connection

    def _connect(self, *, read_only: bool = False) -> "psycopg.Connection[Any]":
        dsn = self._dsn
        if self._password_file is not None:
            dsn = make_conninfo(dsn, password=_password(self._password_file))
        connection: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        try:
            version = connection.info.server_version // 10_000
            if version < OLDEST:
                raise SetupError(f"{self} runs PostgreSQL {version}; {OLDEST} is the oldest that will do")
            for name, value in _SETTINGS.items():
                connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            if read_only:
                connection.execute("SET default_transaction_read_only = on")
        except BaseException:
            connection.close()
            raise
        return connection


def with_tls(given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
    """Return whether a database is on another machine, and how to connect to it: with verified TLS then.

    ``given`` is what the URL says; it decides, then the environment, as always with libpq, but for
    PGSSLMODE: only the URL can do without the verification.
    """
    defaults = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    host = given.get("host") or defaults["host"]
    addresses = given.get("hostaddr") or defaults["hostaddr"] or host
    is_unknown = not addresses and bool(given.get("service") or defaults["service"])
    is_remote = is_unknown or not all(map(_is_here, addresses.split(",")))
    wanted = {**({"sslmode": "verify-full"} if is_remote else {}), **given}
    if wanted.get("sslmode") == "verify-full" and not (given.get("sslrootcert") or defaults["sslrootcert"]):
        wanted["sslrootcert"] = _system_certificates()
    return is_remote, wanted


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: a Unix socket (also the default), or loopback."""
    return not host or host.startswith(("/", "@")) or is_loopback(host)


def _system_certificates() -> str:
    places = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    return next((place for place in places if place and os.path.isfile(place)), "system")  # noqa: PTH113 - text


def _password(file: Path) -> str:
    try:
        with file.open("rb") as data:
            mode = os.fstat(data.fileno()).st_mode
            text = data.read(_LONGEST_PASSWORD + 1).decode().rstrip("\r\n")
    except OSError as error:
        raise SetupError(f"cannot read database.password_file {file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SetupError(f"database.password_file {file} is not UTF-8") from None
    if mode & _OTHERS:
        raise SetupError(
            f"other users can access the password in {file}; run `chmod 600 {file}`, and change the password"
        )
    if not text or len(text) > _LONGEST_PASSWORD or not text.isprintable():
        raise SetupError(f"database.password_file {file} must have the password as its only line")
    return text


def _commit(
    connection: PostgresConnection, jobs: Sequence[Job], *, careful: bool, alone: bool
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    connection.alone = alone
    connection.raw.execute(f"BEGIN; {_locks(jobs, alone=alone)}".encode())
    for _, run in groupby(jobs, key=lambda job: type(job.write)):
        outcomes += _run(connection, list(run), careful=careful)
    try:
        connection.raw.execute("COMMIT")
    except psycopg.OperationalError as error:
        if connection.raw.broken or connection.raw.closed:
            raise OutcomeUnknownError("the database was lost during a commit") from error
        raise
    return outcomes


def _run(connection: PostgresConnection, jobs: list[Job], *, careful: bool) -> list[Outcome]:
    """Run jobs of one kind."""
    write = jobs[0].write
    if len(jobs) == 1 or careful or not isinstance(write, WriteTogether):
        return [_run_one(connection, job, careful=careful) for job in jobs]
    try:
        results = write.together(connection, [job.write for job in jobs])
    except BaseException as error:  # a program's rule runs in it: see ``Job.run``
        if isinstance(error, MustBeAloneError) or _is_the_databases(error):
            raise
        raise HalfDoneError from error  # one of them is to blame: each by itself
    return [
        (job, None, result) if isinstance(result, Exception) else (job, result, None)
        for job, result in zip(jobs, results, strict=True)
    ]


def _run_one(connection: PostgresConnection, job: Job, *, careful: bool) -> Outcome:
    changes = connection.changes
    if careful:
        connection.raw.execute("SAVEPOINT job")
    outcome: Outcome
    try:
        outcome = job, job.run(connection), None
    except Exception as error:  # last resort of the writer's thread
        if isinstance(error, MustBeAloneError) or _is_the_databases(error):
            raise
        if careful:
            connection.raw.execute("ROLLBACK TO job")
        elif isinstance(error, psycopg.Error) or connection.changes != changes:
            raise HalfDoneError from error  # after an error PostgreSQL takes no more statements
        outcome = job, None, error
    if careful:
        connection.raw.execute("RELEASE job")
    return outcome


def _is_the_databases(error: BaseException) -> bool:
    return isinstance(error, _DATABASES) and not isinstance(error, _OWN_FAULT)


def _locks(jobs: Sequence[Job], *, alone: bool) -> str:
    """Return the statements that keep what must not run beside these jobs from running: numbers of ours."""
    if alone:
        return f"SELECT pg_advisory_xact_lock({_EVERY_WRITE})"
    shared = f"SELECT pg_advisory_xact_lock_shared({_EVERY_WRITE})"
    keys = sorted({_key(job.within) for job in jobs if job.within})
    if not keys:
        return shared
    listed = ",".join(map(str, keys))
    return f"{shared}; SELECT pg_advisory_xact_lock(key) FROM unnest('{{{listed}}}'::bigint[]) AS log (key)"  # noqa: S608 - numbers


def _key(within: str) -> int:
    return int.from_bytes(hashlib.blake2b(within.encode(), digest_size=8).digest(), signed=True)
