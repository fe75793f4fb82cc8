"""Traces in a server: they go to the collector of the settings."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.opentelemetry.settings import TracingSettings
from parlour_server.core.config.server_settings import section
from parlour_server.core.errors import SetupError

if TYPE_CHECKING:
    from parlour_server.capabilities.opentelemetry.tracing import Tracing


def make_tracing(settings: TracingSettings, service: str, node: str) -> "Tracing":
    """Return what traces requests. Raises SetupError without the library."""
    try:
        from parlour_server.capabilities.opentelemetry.tracing import Tracing  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SetupError(
            f"tracing.endpoint needs OpenTelemetry ({error}); "
            "install Parlour's extra `otel` (docs/how-to/install.md)"
        ) from error
    return Tracing.to(
        settings.endpoint, service=service, version=version("parlour"), node=node, one_in=settings.one_in
    )


async def _start(parts: Parts[Any, Any]) -> None:
    settings = section(parts.settings, TracingSettings)
    if settings.endpoint:
        tracing = make_tracing(settings, parts.folder.program.word, parts.nodes.id)
        parts.stack.push_async_callback(tracing.close)
        parts.hooks.observer = tracing


SERVED: Final = Served(start=_start)
