"""The metrics listener is for this machine only, and served like every other answer (L28)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from parlour_server.capabilities.prometheus.listener import MetricsListener
from parlour_server.capabilities.prometheus.served import SERVED
from parlour_server.core.config.server_settings import Listen, Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.net.gate import HEAD_BYTES
from parlour_server.core.program_name import ProgramName
from parlour_server.host import plain_listener as scrape
from parlour_server.host.plain_listener import MOST_SOCKETS

PATIENCE = 60.0


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """Serve one page; gives the port."""
    listener = MetricsListener(lambda: b"parlour_connections 7.0\n")
    try:
        yield await listener.open("127.0.0.1:0")
    finally:
        listener.close()


async def ask(port: int, line: str = "GET /metrics HTTP/1.1", *fields: str) -> bytes:
    """Send a request and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [line, *(fields or (f"Host: localhost:{port}",)), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1"))
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "chat.example.org"])  # noqa: S104 - refused
async def test_exposed_metrics_are_refused(host: str) -> None:
    """O3: without TLS, only loopback will do."""
    with pytest.raises(SetupError, match="loopback"):
        await MetricsListener(bytes).open(f"{host}:0")


async def test_doctor_finds_exposed_metrics(tmp_path: Path) -> None:
    """O3: the configuration of a server that does not run, too."""
    folder = DataFolder(tmp_path, ProgramName("parlour", "Parlour", "parlour-server"))

    findings = SERVED.findings
    assert findings is not None

    def found(address: str) -> list[tuple[str, str]]:
        settings = Settings(listen=Listen(metrics=address))
        return [(one.level, one.about) for one in findings(folder, settings, None)]

    assert found("192.0.2.1:9464") == [("danger", "metrics")]
    assert found("127.0.0.1:9464") == found("") == []


async def test_a_taken_port_is_a_sentence() -> None:
    """Not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SetupError) as found:
            await MetricsListener(bytes).open(address)
    assert str(found.value) == f"cannot listen on {address}: Address already in use (listen.metrics)"


def test_a_scrape_gets_the_page(every_loop: Any) -> None:
    """On every loop: one page, and the connection ends."""

    async def scenario() -> None:
        async with listening() as port:
            for host in ("localhost", "127.0.0.1", "[::1]"):
                answer = await ask(port, "GET /metrics HTTP/1.1", f"Host: {host}:{port}", "Accept: */*")
                head, _, body = answer.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert body == b"parlour_connections 7.0\n"
                assert b"server:" not in head.lower()
                for field in (b"cache-control: no-store", b"x-content-type-options: nosniff"):
                    assert field in head.lower().split(b"\r\n")

    every_loop(scenario)


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("GET /metrics HTTP/1.1", ("Host: evil.example",), 421),
        ("GET /metrics HTTP/1.1", ("Host: localhost",), 421),
        ("GET /metrics HTTP/1.1", ("Host: localhost:{port}", "Origin: https://evil.example"), 403),
        ("GET /metrics HTTP/1.1", ("Host: localhost:{port}", "Host: localhost:{port}"), 400),
        ("GET /metrics HTTP/1.1", ("X: y",), 400),
        ("GET /metrics HTTP/1.1", ("Host: localhost:{port}", "Content-Length: 5"), 413),
        ("GET /metrics HTTP/1.1", ("Host: localhost:{port}", "Transfer-Encoding: chunked"), 411),
        ("GET /metrics HTTP/1.0", ("Host: localhost:{port}",), 505),
        ("GET /metrics?x=1 HTTP/1.1", ("Host: localhost:{port}",), 404),
        ("GET / HTTP/1.1", ("Host: localhost:{port}",), 404),
        ("GET /v1/chat HTTP/1.1", ("Host: localhost:{port}",), 404),
        ("GET http://localhost:{port}/metrics HTTP/1.1", ("Host: localhost:{port}",), 400),
        ("HEAD /metrics HTTP/1.1", ("Host: localhost:{port}",), 405),
        ("POST /metrics HTTP/1.1", ("Host: localhost:{port}",), 405),
        ("nonsense", ("Host: localhost:{port}",), 400),
        ("GET /metrics HTTP/1.1", ("Host: localhost:{port}", "X: " + "x" * 20_000), 431),
    ],
)
async def test_nothing_else_is_answered(line: str, fields: tuple[str, ...], status: int) -> None:
    """H3, H9, H10: one fixed refusal each, which names no software, and the connection ends."""
    async with listening() as port:
        answer = await ask(port, line.format(port=port), *(field.format(port=port) for field in fields))
        head = answer.partition(b"\r\n\r\n")[0]
        assert int(head.split()[1]) == status
        assert b"parlour_connections" not in answer
        assert not any(word in answer.lower() for word in (b"server:", b"python", b"wsgi", b"prometheus"))


async def test_silent_sockets_are_few_and_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """H5, H6: those over the cap make older ones close at once, the others close when their time is over."""
    async with listening() as port:
        monkeypatch.setattr(scrape, "SECONDS", 0.2)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_SOCKETS + 3)]
        async with asyncio.timeout(PATIENCE):
            for reader, writer in silent:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
        monkeypatch.undo()  # this one has the time that it needs
        assert b"parlour_connections" in await ask(port)


async def test_over_the_cap_the_oldest_of_who_has_most_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """H6: at once, and nobody else does."""
    monkeypatch.setattr(scrape, "SECONDS", 600.0)
    async with listening() as port:
        one = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        greedy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_SOCKETS)]
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                assert await greedy[0][0].read() == b""
            one[1].write(f"GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            assert b"parlour_connections" in await one[0].read()
        for _, writer in (one, *greedy):
            writer.close()


async def test_silent_sockets_keep_no_one_out() -> None:
    """H6: someone who holds all sockets of a CA's way to the server must not hold up a certificate."""
    async with listening() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_SOCKETS)]
        assert b"parlour_connections" in await ask(port)
        for _, writer in silent:
            writer.close()


async def test_a_head_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: as soon as it is too long, and not when its time is over."""
    monkeypatch.setattr(scrape, "SECONDS", 600.0)
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * (2 * HEAD_BYTES))
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).split()[1] == b"431"
        writer.close()


async def test_a_second_request_is_not_answered() -> None:
    """H9: what is behind the first request is never looked at."""
    async with listening() as port:
        one = f"GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((one * 3).encode())
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        assert answer.count(b"HTTP/1.1") == 1
