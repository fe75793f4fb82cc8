"""Prometheus metrics, on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: numbers about people are nobody else's business, and the
listener speaks plain HTTP. No label carries a name, an address or an id. The composition root makes it.
"""

import ipaddress
import threading
from collections.abc import Callable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server

from parlour_server.audit import AuditEvent
from parlour_server.errors import SetupError
from parlour_server.net.addresses import listen_address


class Metrics:
    """Counts audit events, and asks the server for its gauges when it is scraped."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._events = Counter("parlour_events", "Audit events by kind", ["event"], registry=self.registry)
        self._server: tuple[WSGIServer, threading.Thread] | None = None
        # every kind is there from the start, and found without putting its labels together again
        self._counters = {event: self._events.labels(event.value) for event in AuditEvent}

    def count(self, event: AuditEvent) -> None:
        """Count one audit event."""
        self._counters[event].inc()

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that ``value`` returns; it is called from another thread."""
        Gauge(f"parlour_{name}", about, registry=self.registry).set_function(value)

    def start(self, address: str) -> None:
        """Listen on a loopback `host:port`; nowhere when it is empty. Raises SetupError."""
        if not address:
            return
        host, port = listen_address(address)
        refuse_open(host)
        try:
            self._server = start_http_server(port, host, self.registry)
        except OSError as error:
            raise SetupError(f"cannot listen on {address} for metrics: {error.strerror}") from error

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join(1)


def refuse_open(host: str) -> None:
    """Raise SetupError for an address that other machines could reach."""
    try:
        closed = ipaddress.ip_address(host).is_loopback
    except ValueError:
        closed = host == "localhost"
    if not closed:
        raise SetupError(
            f"listen.metrics is {host}: metrics have no TLS, so only loopback will do, as 127.0.0.1:9464"
        )
