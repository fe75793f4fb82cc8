"""The metrics on a listener of their own: plain HTTP on loopback, `GET /metrics` and nothing else.

It refuses an address that other machines can reach; `host/plain_listener.py` has its other defences.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from parlour_server.core.addresses import is_loopback, listen_address
from parlour_server.core.errors import SetupError
from parlour_server.core.net.gate import host_values
from parlour_server.host.plain_listener import PlainListener

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
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


def refuse_open(host: str) -> None:
    """Raise SetupError for an address that other machines can reach."""
    if not is_loopback(host):
        raise SetupError(
            f"other machines can reach {host} (listen.metrics), and metrics have no TLS:"
            " use a loopback address such as 127.0.0.1:9464"
        )
