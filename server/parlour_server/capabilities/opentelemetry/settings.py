"""The section `tracing` of the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from parlour_server.core.addresses import is_loopback
from parlour_server.core.config.server_settings import Section, setting
from parlour_server.core.errors import SetupError


class TracingSettings(Section, frozen=True):
    """Traces by OpenTelemetry: how long a request took, in the queue, in its commit, in its delivery."""

    endpoint: Annotated[
        str,
        Meta(
            description="`https://host/v1/traces` of a collector that takes OTLP over HTTP, or `http://` on "
            "this machine; empty: nothing is traced. It needs the extra `otel`"
        ),
    ] = ""
    one_in: Annotated[
        int, setting("requests", "one request in this many is traced, because a trace takes time")
    ] = 100

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Look at the address of the collector."""
        return {"endpoint": self._refuse_endpoint}

    def _refuse_endpoint(self) -> None:
        """Raise SetupError if it can't be reached, or others on the network could read what it is sent."""
        if not self.endpoint:
            return
        try:
            scheme, host = urlsplit(self.endpoint).scheme, urlsplit(self.endpoint).hostname or ""
        except ValueError:
            scheme, host = "", ""
        if scheme not in {"http", "https"} or not host:
            raise SetupError("write https://host/v1/traces, or leave it empty")
        if scheme == "http" and not is_loopback(host):
            raise SetupError(f"{host} is another machine: use https, or a collector on this one")
