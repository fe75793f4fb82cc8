"""Metrics in Prometheus' text format, on a listener of their own that only this machine can reach.

Off unless `listen.metrics` names a loopback address: the numbers are private, and the listener is plain HTTP.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.core.errors import SetupError

if TYPE_CHECKING:
    from parlour_server.app.finding import Finding
    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    if parts.settings.listen.metrics:
        # Here, because it loads prometheus_client
        from parlour_server.capabilities.prometheus.listener import serve  # noqa: PLC0415

        hooks.serving.append(partial(serve, parts))


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.capabilities.prometheus.server_metrics import SERVER_METRICS  # noqa: PLC0415 - not for `--help`

    return SERVER_METRICS


def _findings(
    _folder: "DataFolder", settings: "Settings | None", _engine: "Engine | None"
) -> "tuple[Finding, ...]":
    if settings is None or not settings.listen.metrics:
        return ()
    from parlour_server.app.finding import Finding  # noqa: PLC0415
    from parlour_server.capabilities.prometheus.listener import refuse_open  # noqa: PLC0415 - not for other commands
    from parlour_server.core.addresses import listen_address  # noqa: PLC0415

    try:
        refuse_open(listen_address(settings.listen.metrics)[0])
    except SetupError as error:
        return (Finding("danger", "metrics", str(error)),)
    return ()


CAPABILITY: Final = Capability(
    name="prometheus",
    start=_start,
    serves=("listen.metrics",),
    findings=_findings,
    metrics=_metrics,
)
