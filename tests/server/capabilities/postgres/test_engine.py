"""The PostgreSQL engine: which writes of several servers run beside each other, and what a failure leaves."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import SCHEMA

from parlour_server.capabilities.postgres import engine as postgres_engine
from parlour_server.capabilities.postgres.engine import PostgresEngine, translated
from parlour_server.chat.name import NAME
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import OutcomeUnknownError, RefusedError, SetupError, UnavailableError
from parlour_server.core.store.engine.connection import ANYWHERE
from parlour_server.core.store.engine.readers import THREADS, Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.host.setup.certificates import make_keys, renew_if_due
from tests import postgres

PATIENCE = 60.0

HELD = 0.2
"""Seconds after which a write that does not wait has surely run."""


@pytest.fixture
def engine() -> PostgresEngine:
    """Return an empty database."""
    return postgres.database("engine", SCHEMA)


@pytest.fixture
async def writers(engine: PostgresEngine, clock: FakeClock) -> AsyncIterator[tuple[Writer, Writer]]:
    """Return the writers of two servers."""
    async with AsyncExitStack() as stack:
        made = [Writer(engine, clock, announces=False) for _ in range(2)]
        for writer in made:
            await writer.open()
            stack.push_async_callback(writer.close)
        yield made[0], made[1]


def insert(key: str) -> Callable[[Any], int]:
    """Return a write of one row."""
    return lambda db: int(db.execute("INSERT INTO attempts VALUES (?, 1, 1)", (key,)).rowcount)


class Held:
    """A write that goes on only when it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, _: Any) -> None:
        self.begun.set()
        self.go.wait(10)


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (None, None, True),
        (None, "log:1", True),
        ("log:1", None, True),
        ("log:1", "log:1", True),
        ("log:1", "log:2", False),
        ("log:1", ANYWHERE, False),
        (ANYWHERE, ANYWHERE, False),
        (None, ANYWHERE, True),
    ],
)
async def test_which_writes_wait_for_each_other(
    writers: tuple[Writer, Writer], first: str | None, second: str | None, *, waits: bool
) -> None:
    """A write without ``within`` is alone; others wait only for those within the same log."""
    one, other = writers
    held = Held()
    running = one.submit(held, within=first)
    assert await asyncio.to_thread(held.begun.wait, PATIENCE)
    later = other.submit(insert("a"), within=second)
    if waits:
        _, pending = await asyncio.wait([later], timeout=HELD)
        assert pending
        held.go.set()
    else:
        await later
        held.go.set()
    await asyncio.gather(running, later)


async def test_logs_in_any_order_are_no_circle(writers: tuple[Writer, Writer]) -> None:
    """Batches of two servers that hold the same logs in opposite orders all come to their end."""
    names = [f"log:{number}" for number in range(40)]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(
            *(writers[0].submit(insert(f"a{name}{i}"), within=name) for i in range(5) for name in names),
            *(
                writers[1].submit(insert(f"b{name}{i}"), within=name)
                for i in range(5)
                for name in names[::-1]
            ),
        )


@pytest.mark.parametrize("error", [RefusedError("forbidden"), psycopg.IntegrityError("x"), KeyError("a bug")])
async def test_only_a_write_that_fails_half_way_is_rolled_back(
    writers: tuple[Writer, Writer], error: Exception
) -> None:
    """What it had changed is gone, its caller gets its error, and those before and after it are stored."""

    def fail(db: Any) -> None:
        insert("b")(db)
        raise error

    writes = (insert("a"), fail, insert("c"), insert("a"), insert("d"))
    ended = await asyncio.gather(*(writers[0].submit(write) for write in writes), return_exceptions=True)
    assert ended[:3] == [1, error, 1]
    assert isinstance(ended[3], psycopg.errors.UniqueViolation)
    keys = await writers[1].submit(lambda db: db.execute("SELECT key FROM attempts ORDER BY key").fetchall())
    assert keys == [("a",), ("c",), ("d",)]


async def test_a_lost_connection_is_made_again(writers: tuple[Writer, Writer]) -> None:
    """Those whose transaction is lost are told that no one knows; the next write goes through."""
    writer, _ = writers
    pid = await writer.submit(lambda db: db.execute("SELECT pg_backend_pid()").fetchone()[0])
    held = Held()
    lost = writer.submit(held)
    assert await asyncio.to_thread(held.begun.wait, PATIENCE)
    with psycopg.connect(postgres.server(), autocommit=True) as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s)", (pid,))
    held.go.set()
    with pytest.raises(UnavailableError):
        await lost
    assert await writer.submit(insert("a")) == 1


async def test_what_was_lost_in_a_commit_is_unknown(writers: tuple[Writer, Writer]) -> None:
    """Everyone in the batch is told so, whether it is stored (here it is) or not; the next write goes on."""

    def insert_and_lose_the_answer(db: Any) -> None:
        insert("a")(db)
        execute = db.raw.execute

        def lose(statement: Any) -> Any:
            done = execute(statement)
            if statement == "COMMIT":
                db.raw.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return done

        db.raw.execute = lose

    writer, other = writers
    ended = await asyncio.gather(
        *(writer.submit(write) for write in (insert_and_lose_the_answer, insert("b"))), return_exceptions=True
    )
    assert [type(error) for error in ended] == [OutcomeUnknownError] * 2
    assert await writer.submit(insert("c")) == 1
    keys = await other.submit(lambda db: db.execute("SELECT key FROM attempts ORDER BY key").fetchall())
    assert keys == [("a",), ("b",), ("c",)]


async def test_a_server_that_hangs_loses_its_locks(
    engine: PostgresEngine, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that does nothing for long is ended, so the others go on."""
    settings = {**postgres_engine._SETTINGS, "idle_in_transaction_session_timeout": "1s"}
    hanging, other = (Writer(engine, clock, announces=False) for _ in range(2))
    with monkeypatch.context() as patched:
        patched.setattr(postgres_engine, "_SETTINGS", settings)
        await hanging.open()
    await other.open()  # with all the time that it needs
    held = Held()
    lost = hanging.submit(held)
    assert await asyncio.to_thread(held.begun.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        assert await other.submit(insert("a")) == 1
    held.go.set()
    with pytest.raises(UnavailableError):
        await lost
    await hanging.close()
    await other.close()


def test_a_reader_cannot_write(engine: PostgresEngine) -> None:
    """PostgreSQL itself refuses it."""
    reader = engine.connect_reader()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("INSERT INTO attempts VALUES ('a', 1, 1)")
    reader.close()


def test_an_address_where_nothing_listens_is_a_sentence_without_the_password() -> None:
    """What can't be reached is named by host and database."""
    engine = PostgresEngine("postgresql://parlour:hunter2@127.0.0.1:1/chat")
    with pytest.raises(SetupError, match=r"the database chat at 127\.0\.0\.1 cannot be opened") as caught:
        engine.revisions()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("portable", "for_postgres"),
    [
        ("SELECT ?, ?", b"SELECT $1, $2"),
        ("SELECT ?2, ?1, ?2", b"SELECT $2, $1, $2"),
        (
            "SELECT value FROM json_each(?)",
            b"SELECT value FROM json_array_elements_text($1::json) AS each (value)",
        ),
    ],
)
def test_parameters_are_numbered(portable: str, for_postgres: bytes) -> None:
    """The statements of the stores have SQLite's parameters."""
    assert translated(portable) == for_postgres


async def test_reads_outlast_a_restart_of_the_database(engine: PostgresEngine, clock: FakeClock) -> None:
    """Each reader has a connection of its own, which the database ends; the next read of each works."""
    readers = Readers(engine, clock)
    try:
        for _ in range(2):
            together = threading.Barrier(THREADS)

            def read(db: Any, together: threading.Barrier = together) -> None:
                db.execute("SELECT 1")
                together.wait(10)

            reads = []
            for _ in range(THREADS):  # each in a turn of its own: those of one turn share a thread
                reads.append(asyncio.create_task(readers.run(read)))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            await asyncio.gather(*reads)
            with psycopg.connect(postgres.server(), autocommit=True) as connection:
                end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'engine'"
                assert len(connection.execute(end).fetchall()) >= THREADS
    finally:
        await readers.close()


ARRAYS: dict[str, list[Any]] = {
    "text": ["plain", "", "a,b", "{}", 'say "hi"', "back\\slash", "NULL", "two\nlines", "ä\U0001f600", None],
    "bigint": [0, -1, 1 << 62, None],
    "bytea": [b"", b"\0\xff", b'"\\', None],
    "int": [],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_arrive_as_they_are(engine: PostgresEngine, kind: str) -> None:
    """Whatever their texts contain."""
    with closing(engine.connect_reader()) as db:
        statement = f"SELECT each FROM unnest(?::{kind}[]) AS each"  # noqa: S608 - ours
        assert [value for (value,) in db.execute(statement, (ARRAYS[kind],))] == ARRAYS[kind]
        with pytest.raises(psycopg.DataError, match="NUL"):
            db.execute(statement, (["a\0b"],))


SSL_REQUEST = struct.pack("!II", 8, 80_877_103)


@asynccontextmanager
async def secured(certificate: Path, key: Path) -> AsyncIterator[int]:
    """Give a port of PostgreSQL with TLS, which ends before it: the wheel's was built without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    path = postgres.socket_path()
    loop = asyncio.get_running_loop()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)

    async def serve(accepted: socket.socket) -> None:
        assert await loop.sock_recv(accepted, 64) == SSL_REQUEST
        await loop.sock_sendall(accepted, b"S")
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=context)
        except OSError:  # the client refuses the certificate
            return
        # a client that refuses the name does so after the handshake: the test may end at any of these steps
        with closing(asyncio.StreamWriter(transport, protocol, reader, loop)) as writer:
            there, here = await asyncio.open_unix_connection(path)
            with closing(here):
                await asyncio.gather(pass_on(reader, here), pass_on(there, writer))

    async def accept() -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                accepted, _ = await loop.sock_accept(listening)
                accepted.setblocking(False)
                group.create_task(serve(accepted))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        accepting = asyncio.create_task(accept())
        yield listening.getsockname()[1]
        accepting.cancel()
        await asyncio.wait([accepting])


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[DataFolder]:
    """Return two CAs with a certificate for 127.0.0.1, which is taken for an address of another machine."""
    monkeypatch.setattr(postgres_engine, "is_loopback", lambda _: False)
    made = [DataFolder(tmp_path / name, NAME) for name in ("ours", "theirs")]
    for folder in made:
        folder.create()
        make_keys(folder, had_database=False)
        renew_if_due(folder, ("127.0.0.1",))
    return made


async def test_tls_is_verified(folders: list[DataFolder], tmp_path: Path) -> None:
    """By the CA that the operator names, or those of the system, and for the host in the URL."""
    ours, theirs = folders
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(postgres.PASSWORD)
    async with secured(ours.certificate, ours.key) as port:

        def reached(host: str, ca: Path | None) -> PostgresEngine:
            url = f"postgresql://{postgres.LOCKED}@{host}:{port}/postgres?connect_timeout=60"
            engine = PostgresEngine(f"{url}&sslrootcert={ca}" if ca else url, password)
            assert engine.revisions() == frozenset()
            return engine

        engine = await asyncio.to_thread(reached, "127.0.0.1", ours.ca_certificate)
        assert engine.unverified == ""
        for host, ca, sentence in (
            ("127.0.0.1", theirs.ca_certificate, "verify failed; give the CA that signed it in the URL"),
            ("127.0.0.1", None, "verify failed; give the CA that signed it in the URL"),
            (
                "localhost",
                ours.ca_certificate,
                'name "localhost"; name the host in the URL as its certificate',
            ),
        ):
            with pytest.raises(SetupError, match=sentence) as refused:
                await asyncio.to_thread(reached, host, ca)
            assert postgres.PASSWORD not in str(refused.value)


async def test_a_server_without_tls_gets_no_password(folders: list[DataFolder]) -> None:
    """It answers that it has none, as someone in between would: nothing more is sent to it."""
    heard = bytearray()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(4096))
        writer.write(b"N")
        heard.extend(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://ada:canary@127.0.0.1:{port}/x?sslrootcert={folders[0].ca_certificate}"
        with pytest.raises(SetupError, match=r"turn TLS on in PostgreSQL \(`ssl = on`\)"):
            await asyncio.to_thread(PostgresEngine(url).revisions)
    assert bytes(heard) == SSL_REQUEST
