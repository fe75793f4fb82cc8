"""The opt-in metrics listener of a running server, attacked over its plain socket (L28)."""

import socket
from collections.abc import Iterator

import pytest
from tests.attacks.raw import PATIENCE, RunningServer
from tests.ports import free_port


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, int]]:
    """Return a server with metrics, and their port."""
    port = free_port()
    made = RunningServer(tmp_path_factory.mktemp("scraped"))
    made.begin(f'[listen]\nmetrics = "127.0.0.1:{port}"\n')
    yield made, port
    made.stop()
    assert "Traceback" not in made.log.read_text()


def _ask(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
        raw.sendall(data)
        found = b""
        while more := raw.recv(65_536):
            found += more
    return found


def test_a_page_that_points_its_name_at_the_metrics(scraped: tuple[RunningServer, int]) -> None:
    """L28, H3: under another name, or for a page of another origin, nothing is told."""
    _, port = scraped
    good = f"GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\n"
    assert b"parlour_sockets" in _ask(port, f"{good}\r\n".encode())
    for attack in (
        f"GET /metrics HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n",
        f"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example:{port}\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /metrics HTTP/1.0\r\n\r\n",
        f"{good}Origin: https://evil.example\r\n\r\n",
        f"{good}Host: evil.example\r\n\r\n",
    ):
        answer = _ask(port, attack.encode())
        assert int(answer.split()[1]) in {400, 403, 421, 505}
        assert b"parlour_" not in answer


def test_fingerprint_of_the_metrics(scraped: tuple[RunningServer, int]) -> None:
    """L28, H10: no answer names a software or its version; nothing but the metrics is there."""
    _, port = scraped
    for line, status in (("GET /metrics", 200), ("GET /", 404), ("POST /metrics", 405), ("\x1b]0;X", 400)):
        answer = _ask(port, f"{line} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert int(head.split()[1]) == status
        assert not any(word in head for word in (b"server:", b"wsgi", b"python", b"h11", b"uvicorn"))
