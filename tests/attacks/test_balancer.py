# ruff: noqa: S603 - a balancer of our own
"""L6 through a real haproxy that runs the configuration shipped in `deploy/`, and around it."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.raw import PATIENCE, RunningServer
from tests.server.capabilities.proxy_protocol.proxy_headers import header_for
from tools.cluster.process import reserved_port

from parlour_lab.wire import PASSWORD, Answer, Wire

SHIPPED = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
STRANGER, OWNER, ELSEWHERE = "127.0.0.66", "127.0.0.77", "127.0.0.88"
_SETTINGS = """
[listen]
proxies = ["127.0.0.1"]
names = ["localhost", "127.0.0.1", "localhost:{front}", "127.0.0.1:{front}"]
[logins]
failures_per_address = 3
[rates]
http_per_minute = 60  # so few that a slow machine uses them up, too
"""


class Balanced(RunningServer):
    """A server behind haproxy: its wires go to the balancer; ``back`` is the server's own port."""

    back = 0


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """Return a server behind the shipped balancer."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("NOT TESTED: deploy/haproxy.cfg, because haproxy is not installed (apt install haproxy)")
    folder = tmp_path_factory.mktemp("balanced")
    made = Balanced(folder)
    front = reserved_port(made)
    made.begin(_SETTINGS.format(front=front))
    made.back, made.port = made.port, front
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        _replaced(
            SHIPPED.read_text(),
            {"bind :8443": f"bind 127.0.0.1:{front}", "127.0.0.1:9443": f"127.0.0.1:{made.back}"},
        )
    )
    haproxy = subprocess.Popen([program, "-db", "-f", str(configuration)])
    try:
        _wait_for(made, haproxy)
        yield made
        assert made.process is not None
        assert made.process.poll() is None, "an attack ended the server"
    finally:
        haproxy.terminate()
        haproxy.wait(PATIENCE)
        made.stop()


def _replaced(text: str, ports: dict[str, str]) -> str:
    """Return the shipped text with the test's ports: all else is run as it is."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for shipped, ours in ports.items():
        assert sum(shipped in line for line in lines) == 1, f"{SHIPPED} no longer has {shipped!r}"
        lines = [line.replace(shipped, ours) for line in lines]
    return "\n".join(lines) + "\n"


def _wait_for(server: RunningServer, haproxy: "subprocess.Popen[bytes]") -> None:
    """Wait until the balancer passes a connection on."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with server.wire(source=ELSEWHERE):
                return
        except OSError:
            assert haproxy.poll() is None, "haproxy refused the shipped configuration"
            assert time.monotonic() < end
            time.sleep(0.02)  # another process opens the port: there is no event to wait for


def _get(wire: Wire, server: RunningServer, *, extra: str = "", path: str = "/healthz") -> Answer:
    return wire.ask(f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n{extra}\r\n".encode())


def _log_in(server: RunningServer, source: str, user: str, password: str) -> Answer:
    body = json.dumps({"username": user, "password": password, "device": "probe"})
    with server.wire(source=source) as wire:
        return wire.ask(
            f"POST /v1/sessions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )


def test_a_strangers_wrong_guesses_keep_no_one_else_out(balanced: Balanced) -> None:
    """L6, P5: behind a balancer, one address's failures stop that address and no other one."""
    session = balanced.session("ada", invite=balanced.code())
    assert session
    guesses = [_log_in(balanced, STRANGER, f"nobody{number}", "wrong-violin-marble") for number in range(5)]
    assert [guess.status for guess in guesses] == [401, 401, 401, 429, 429]
    assert _log_in(balanced, OWNER, "ada", PASSWORD).status == 201
    assert {line["address"] for line in balanced.logged() if line["event"] == "login_failed"} == {STRANGER}


def test_a_strangers_flood_of_requests_stops_only_the_stranger(balanced: Balanced) -> None:
    """L6, P6: 400 requests use up their sender's rate, whatever they say of forwarding, and no one else's."""
    answers = []
    with balanced.wire(source=STRANGER) as wire:
        for number in range(400):
            forged = f"X-Forwarded-For: 203.0.113.{number % 250}\r\nForwarded: for=203.0.113.9\r\n"
            answers.append(_get(wire, balanced, extra=forged).status)
    assert set(answers) == {204, 429}
    assert answers[-1] == 429
    with balanced.wire(source=ELSEWHERE) as wire:
        assert _get(wire, balanced).status == 204
    assert "203.0.113." not in balanced.log.read_text()


def test_a_chat_through_the_balancer_has_its_own_address(balanced: Balanced) -> None:
    """L6, M7: the audit log names the person's address, not the balancer's."""
    session = balanced.session("bob", invite=balanced.code())
    with balanced.chatting(session, source=OWNER):
        pass
    redeemed = [line for line in balanced.logged() if line["event"] == "ticket_redeemed"]
    assert redeemed[-1]["address"] == OWNER


def test_a_proxy_header_of_the_clients_own_is_a_broken_hello(balanced: Balanced) -> None:
    """L6: the balancer's header comes first, so what a client writes after it claims nothing."""
    with balanced.plain(source=STRANGER) as raw:
        raw.sendall(header_for("203.0.113.50"))
        assert b"HTTP" not in _rest(raw)
    assert "203.0.113.50" not in balanced.log.read_text()


def test_around_the_balancer(balanced: Balanced) -> None:
    """L6: past the balancer, strangers speak for themselves; the balancer's address has to use headers."""
    with _connected(balanced.back, STRANGER) as raw:
        raw.sendall(header_for("203.0.113.60"))
        assert b"HTTP" not in _rest(raw)
    with (
        _connected(balanced.back, ELSEWHERE) as raw,
        balanced.trusting.wrap_socket(raw, server_hostname="localhost") as secured,
    ):
        secured.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost:{balanced.back}\r\n\r\n".encode())
        assert secured.recv(12) == b"HTTP/1.1 204"
    with _connected(balanced.back, "127.0.0.1") as raw, pytest.raises((ssl.SSLError, OSError)):
        balanced.trusting.wrap_socket(raw, server_hostname="localhost")
    assert "203.0.113.60" not in balanced.log.read_text()


def test_health_checks_leave_nothing_in_the_log(balanced: Balanced) -> None:
    """R6: the balancer looks every two seconds, and says that it is itself."""
    lines = [line for line in balanced.logged() if line.get("address") == "127.0.0.1"]
    assert {line["reason"] for line in lines if line["event"] == "handshake_refused"} <= {"proxy_header"}


def _connected(port: int, source: str) -> socket.socket:
    raw = socket.socket()
    raw.settimeout(PATIENCE)
    raw.bind((source, 0))
    raw.connect(("127.0.0.1", port))
    return raw


def _rest(raw: socket.socket) -> bytes:
    found = b""
    try:
        while more := raw.recv(4096):
            found += more
    except ConnectionError:
        pass
    return found
