"""Connections that come and go, in waves and while people talk: what they leave in the server's memory."""

import asyncio
import json
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import servers
from bench.load import Load
from bench.people import Filled
from bench.programs import CHAT, Program
from bench.servers import Running

CONNECTIONS = 100_000
AT_ONCE = 500
PEOPLE = 5
SOAK_SECONDS = 240
SETTLE_SECONDS = 3


def rows(programs: Sequence[Program] = ()) -> list[list[str]]:
    """Measure on both loops; the chat, if no program is asked for."""
    return [_measure(program, loop) for program in programs or (CHAT,) for loop in ("fast", "asyncio")]


def _measure(program: Program, loop: str) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = servers.make_data(program, folder)
        filled = asyncio.run(program.fill(data, PEOPLE, PEOPLE))
        with servers.running(program, data, loop=loop) as server:
            crowd = Crowd(program, folder, data, filled, server)
            begin = server.resident()
            for _ in range(CONNECTIONS // AT_ONCE):
                crowd.visit(Load(AT_ONCE, mode="connect", extra=("-c", "32")))
            time.sleep(SETTLE_SECONDS)
            end = server.resident()
            first, second = _soak(crowd, server)
    return [
        f"memory after {CONNECTIONS:,} connections, {AT_ONCE} at once, {program.name}, {loop}",
        f"{end:.0f} MiB",
        f"{begin:.0f} MiB at the start",
        f"{end / begin:.2f}",
        "<= 1.3",
        f"then a soak of {SOAK_SECONDS} s: {first:.0f} MiB in its first half, {second:.0f} in its second",
    ]


def _soak(crowd: "Crowd", server: Running) -> tuple[float, float]:
    """Let people come, talk and go; return the median memory of the first half and of the second."""
    found: list[float] = []
    until = time.monotonic() + SOAK_SECONDS
    while time.monotonic() < until:
        crowd.visit(Load(100, mode="connect", extra=("-c", "32")))
        crowd.visit(Load(50, senders=10, rate=200, seconds=1))
        found.append(server.resident())
    half = len(found) // 2
    return statistics.median(found[:half]), statistics.median(found[half:])


class Crowd:
    """People who open many connections with one ticket each, and close them all at once."""

    def __init__(self, program: Program, folder: Path, data: Path, filled: Filled, server: Running) -> None:
        """Be the people that the store was filled with."""
        self._program = program
        self._folder = folder
        self._context = ssl.create_default_context(cafile=data / "ca.pem")
        self._filled = filled
        self._server = server
        self._visits = 0

    def visit(self, offered: Load) -> None:
        """Open the connections, offer the load, and be gone."""
        self._visits += 1
        tickets = self._tickets(offered.connections)
        options = self._program.options(self._folder, tickets, self._filled, joins=offered.mode != "connect")
        offered.run(self._server, *options)

    def _tickets(self, count: int) -> list[str]:
        """Get tickets over one connection; a client from a library would cost more than the server."""
        port, session = self._server.port, self._filled.sessions[self._visits % PEOPLE]
        ask = f"POST /v1/tickets HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n"
        ask += f"Authorization: Bearer {session.reveal()}\r\n\r\n"
        raw = socket.create_connection(("127.0.0.1", port))
        with (
            self._context.wrap_socket(raw, server_hostname="localhost") as tls,
            tls.makefile("rb") as answers,
        ):
            found = []
            for _ in range(count):
                tls.sendall(ask.encode())
                size = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                found.append(str(json.loads(answers.read(size))["ticket"]))
            return found
