"""What a reconnection costs a server: the ticket and the WebSocket on one TLS connection, or on two.

The client is a socket of its own, one connection at a time, so that it does not matter what it costs. The
proof of a session's key is the difference of the last two rows.
"""

import asyncio
import json
import os
import socket
import ssl
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from nacl.signing import SigningKey

from bench import servers
from bench.people import accounts
from bench.programs import CHAT
from bench.servers import Running
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import PROOF_HEADER, Proof, Redemption
from parlour_server.core.net.tls_context import TlsFiles

RECONNECTIONS = 300
KEY = SigningKey(b"the key of bench's session".ljust(32))


def rows(rounds: int) -> list[list[str]]:
    """Measure, each way in turn."""
    with tempfile.TemporaryDirectory() as name:
        data = servers.make_data(CHAT, Path(name))
        plain, keyed = asyncio.run(accounts(data, 2, bytes(KEY.verify_key)))
        with servers.running(CHAT, data) as server:
            client = _Client(data, server)
            ways: dict[str, Callable[[], None]] = {
                "two TLS connections": partial(client.reconnect, plain, here=False),
                "one TLS connection": partial(client.reconnect, plain, here=True),
                "one TLS connection, with a proof": partial(client.reconnect, keyed, here=True, proves=True),
            }
            costs: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, reconnect in ways.items():
                    before = _cpu(server.pid)
                    for _ in range(RECONNECTIONS):
                        reconnect()
                    costs[way].append((_cpu(server.pid) - before) / RECONNECTIONS * 1e6)
    first = median(costs["two TLS connections"])
    return [
        [
            f"reconnect, {way}",
            f"{median(found):.0f} ({min(found):.0f}..{max(found):.0f}) us",
            "",
            f"{median(found) / first:.2f} of two connections",
            "",
            f"{1e6 / median(found):.0f} /CPU-s",
        ]
        for way, found in costs.items()
    ]


class _Client:
    """Reconnects."""

    def __init__(self, data: Path, server: Running) -> None:
        self._context = ssl.create_default_context(cafile=data / "ca.pem")
        self._host = f"localhost:{server.port}"
        self._port = server.port
        self._server_key = TlsFiles(data / "server.pem", data / "server.key").key_digest

    def reconnect(self, session: Secret, *, here: bool, proves: bool = False) -> None:
        """Get a ticket, redeem it, and hang up after the answer."""
        connection = self._open()
        body = json.dumps({"here": here})
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        answer = self._ask(connection, "POST /v1/tickets", session.reveal(), head, body)
        ticket = Secret(json.loads(answer)["ticket"])
        if not here:
            connection.close()
            connection = self._open()
        head = (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a2tra2tra2tra2tra2traw==\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: parlour.v1\r\n"
        )
        if proves:
            request = Redemption(ticket.digest(), self._host, self._server_key, "/v1/chat")
            head += f"{PROOF_HEADER}: {Proof(KEY.sign(request.to_be_signed()).signature).text}\r\n"
        self._ask(connection, "GET /v1/chat", ticket.reveal(), head)
        connection.recv(65_536)  # the greeting
        connection.close()

    def _open(self) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self._port))
        return self._context.wrap_socket(raw, server_hostname="localhost")

    def _ask(self, connection: ssl.SSLSocket, line: str, bearer: str, head: str, body: str = "") -> bytes:
        text = f"{line} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {bearer}\r\n{head}\r\n{body}"
        connection.sendall(text.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65_536) or _ended()
        status, _, rest = answer.partition(b"\r\n\r\n")
        if status.split()[1] not in {b"101", b"201"}:
            raise SystemExit(f"{line} was answered {status.decode()}")
        return rest


def _ended() -> bytes:
    raise SystemExit("the server ended the connection")


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
