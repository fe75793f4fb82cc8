"""Traces of a server by its settings: none, or to a collector."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from parlour_server.kit.config.server_settings import TracingSettings
from parlour_server.kit.errors import SetupError

if TYPE_CHECKING:
    from parlour_server.kit.tracing import Tracing


def make_tracing(settings: TracingSettings, service: str, node: str) -> "Tracing | None":
    """Return what traces requests; None if nothing is traced. Raises SetupError without the library."""
    if not settings.endpoint:
        return None
    try:
        from parlour_server.kit.tracing import Tracing  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SetupError(
            f"tracing.endpoint needs OpenTelemetry ({error}); "
            "install Parlour's extra `otel` (docs/how-to/install.md)"
        ) from error
    return Tracing.to(
        settings.endpoint, service=service, version=version("parlour"), node=node, one_in=settings.one_in
    )
