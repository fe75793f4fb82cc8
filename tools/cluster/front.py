"""What clients connect to: a TCP front that spreads connections over the nodes and passes TLS through.

It is haproxy when that is installed (with the checks of `deploy/cluster/haproxy.cfg`), else this module as a
program: `python -m tools.cluster.front PORT CA NODE-PORT…`. Both ask each node's `/readyz` every half second,
close the connections of a node that does not answer, and try the next node when one refuses.
"""

import asyncio
import contextlib
import itertools
import shutil
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.cluster.process import Process, accepts, reserved_port

_CHECK_SECONDS: Final = 0.5
_PATIENCE: Final = 1.0
_CHUNK: Final = 65_536
_HAPROXY: Final = """\
global
    maxconn 4000
defaults
    mode tcp
    timeout connect 1s
    timeout client 90s
    timeout server 90s
    timeout check 1s
    retries 3
    option redispatch 1
frontend parlour
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance leastconn
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host 127.0.0.1:{port}
    default-server check check-ssl verify required ca-file {ca} inter 500ms fall 1 rise 1
    default-server on-marked-down shutdown-sessions
"""


class Front:
    """The front as a process."""

    def __init__(self, folder: Path, ports: Sequence[int], ca: Path, *, own: bool = False) -> None:
        """Spread over the nodes at ``ports``, whose certificates ``ca`` signs; ``own`` never uses haproxy."""
        self.port: Final = reserved_port(self)
        self._ca = ca
        self._ports = tuple(ports)
        self._file = folder / "haproxy.cfg"
        haproxy = None if own else shutil.which("haproxy")
        self.is_haproxy: Final = haproxy is not None
        command = (
            [sys.executable, "-m", __name__, str(self.port), str(ca), *map(str, ports)]
            if haproxy is None
            else [haproxy, "-db", "-f", str(self._file)]
        )
        self.process = Process("the front", command, folder / "front.log")

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        if self.is_haproxy:
            servers = (f"    server node{i} 127.0.0.1:{port}\n" for i, port in enumerate(self._ports, 1))
            text = _HAPROXY.format(port=self.port, ca=self._ca) + "".join(servers)
            self._file.write_text(text, encoding="utf-8")
        self.process.spawn()
        await self.process.until(lambda: accepts(self.port))


class _Node:
    """A node as the front sees it."""

    def __init__(self, port: int, ca: Path, front: int) -> None:
        self.port = port
        self._front = front
        self.serves = True
        self.connections: set[asyncio.StreamWriter] = set()
        self._tls = ssl.create_default_context(cafile=str(ca))

    async def watch(self) -> None:
        """Ask it for ever whether it is ready; close its connections when it is not."""
        while True:
            self.serves = await self._is_ready()
            if not self.serves:
                for one in self.connections:
                    one.transport.abort()
            await asyncio.sleep(_CHECK_SECONDS)

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self._tls)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % self._front)
                    return b" 204 " in await reader.readline()
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError):
            return False


async def _spread(
    nodes: Sequence[_Node],
    turns: "itertools.count[int]",
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Connect a client to the first node that takes it, beginning at another one each time."""
    first = next(turns)
    turned = [nodes[(first + i) % len(nodes)] for i in range(len(nodes))]
    for node in sorted(turned, key=lambda one: not one.serves):
        try:
            async with asyncio.timeout(_PATIENCE):
                there = await asyncio.open_connection("127.0.0.1", node.port)
        except (OSError, TimeoutError):
            continue
        ends = {writer, there[1]}
        node.connections |= ends
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(_copy(reader, there[1])),
                    asyncio.ensure_future(_copy(there[0], writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            node.connections -= ends
            for one in ends:
                one.close()
        return
    writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


async def _serve(port: int, nodes: Sequence[_Node]) -> None:
    turns = itertools.count()
    server = await asyncio.start_server(lambda r, w: _spread(nodes, turns, r, w), "127.0.0.1", port)
    async with server:
        await asyncio.gather(*(node.watch() for node in nodes))


if __name__ == "__main__":
    _, _port, _ca, *_ports = sys.argv
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(_port), [_Node(int(one), Path(_ca), int(_port)) for one in _ports]))
