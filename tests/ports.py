"""Ports for servers of tests that must be told theirs."""

import secrets
import socket
from contextlib import suppress
from typing import Final

_FIRST: Final = 20_000
_COUNT: Final = 12_000
"""Below the ports that systems give to connections: one of another test would take such a port meanwhile."""


def free_port(*, successive: int = 1) -> int:
    """Return the first of so many successive ports on 127.0.0.1 that nothing uses."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with suppress(OSError):
            for one in range(port, port + successive):
                socket.create_server(("127.0.0.1", one)).close()
            return port
