"""Prometheus in a server: the listener, if the settings name one."""

from functools import partial
from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.finding import Finding
from parlour_server.app.hooks import Serving
from parlour_server.app.parts import Parts
from parlour_server.capabilities.prometheus.listener import MetricsListener, refuse_open
from parlour_server.capabilities.prometheus.server_metrics import (
    SERVER_METRICS,
    RowCounts,
    measure_lag,
    show_parts,
)
from parlour_server.core.addresses import listen_address
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine


async def _start(parts: Parts[Any, Any]) -> None:
    if parts.settings.listen.metrics:
        parts.hooks.serving.append(partial(_serve, parts))


async def _serve(parts: Parts[Any, Any], serving: Serving) -> None:
    """Show all numbers until the server stops. Raises SetupError."""
    from parlour_server.capabilities.prometheus.text import PrometheusText  # noqa: PLC0415 - loads its library

    metrics = parts.metrics
    show_parts(metrics, parts, serving)
    parts.run(measure_lag(metrics, parts.clock))
    for counted, read in metrics.of_rows.items():
        parts.run(RowCounts(metrics, read, *counted).run(parts.clock))
    listener = MetricsListener(PrometheusText(parts.folder.program.word, metrics).text)
    parts.stack.callback(listener.close)
    await listener.open(parts.settings.listen.metrics)


def _findings(_folder: DataFolder, settings: Settings | None, _engine: Engine | None) -> tuple[Finding, ...]:
    if settings is not None and settings.listen.metrics:
        try:
            refuse_open(listen_address(settings.listen.metrics)[0])
        except SetupError as error:
            return (Finding("danger", "metrics", str(error)),)
    return ()


SERVED: Final = Served(start=_start, findings=_findings, metrics=SERVER_METRICS)
