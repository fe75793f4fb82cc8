"""Metrics in Prometheus' text format, on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: the numbers are private, and the listener is plain HTTP.
"""

from typing import Final

from parlour_server.app.capability import Capability, Served


def _served() -> Served:
    from parlour_server.capabilities.prometheus.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


CAPABILITY: Final = Capability(name="prometheus", served=_served, serves=("listen.metrics",))
