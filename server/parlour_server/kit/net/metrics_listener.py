"""The metrics on a listener of their own: plain HTTP on loopback, `GET /metrics` and nothing else.

It refuses an address that other machines can reach; `plain_listener.py` has its other defences.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from parlour_server.kit.addresses import listen_address
from parlour_server.kit.errors import SetupError
from parlour_server.kit.metrics import refuse_open
from parlour_server.kit.net.gate import host_values
from parlour_server.kit.net.plain_listener import PlainListener
from parlour_server.kit.prometheus_text import CONTENT_TYPE

PATH: Final = b"/metrics"
_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class MetricsListener:
    """Answers with the text of ``render``."""

    def __init__(self, render: Callable[[], bytes]) -> None:
        """``render`` is called in the event loop's thread."""
        self._listener = PlainListener(lambda path: render() if path == PATH else None, CONTENT_TYPE)

    async def open(self, address: str) -> int:
        """Listen on a loopback `host:port`, and return the port. Raises SetupError."""
        host, _ = listen_address(address)
        refuse_open(host)
        try:
            return await self._listener.open(address, partial(host_values, (*_NAMES, host)))
        except SetupError as error:
            raise SetupError(f"{error} (listen.metrics)") from error

    def close(self) -> None:
        """Stop listening, and close all sockets."""
        self._listener.close()
