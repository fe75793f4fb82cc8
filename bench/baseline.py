"""The baseline: a bare `websockets.broadcast()` server on asyncio, one room, TLS 1.3, no compression.

It does the least that a chat can do: what one connection says goes to all. Parlour's figures are ratios to
this one, run beside it on the same machine, so that the machine cancels out.

    python bench/baseline.py --port 0 --cert server.pem --key server.key --ready FILE
"""

import argparse
import asyncio
import resource
import socket
import ssl
from pathlib import Path

import websockets
from websockets.asyncio.server import ServerConnection, broadcast, serve

members: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    """Send everything that one member says to all members."""
    members.add(connection)
    try:
        while True:
            broadcast(members, await connection.recv(decode=False), text=True)
    except websockets.ConnectionClosed:
        pass
    finally:
        members.discard(connection)


async def main() -> None:
    """Serve until the process is ended."""
    options = argparse.ArgumentParser()
    for name in ("port", "cert", "key", "ready"):
        options.add_argument(f"--{name}", required=True)
    given = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(given.cert, given.key)
    # IPPROTO_TCP, or asyncio leaves Nagle on and the comparison would flatter us
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(given.port)))
    listener.listen(4096)
    async with serve(
        handle, sock=listener, ssl=context, compression=None, ping_interval=None, max_size=65_536
    ):
        Path(given.ready).write_text(str(listener.getsockname()[1]))  # noqa: ASYNC240 - no one waits yet
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
