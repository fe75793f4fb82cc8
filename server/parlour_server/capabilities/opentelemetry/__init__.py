"""Traces by OpenTelemetry: how long one request in so many took, and its queue, commit and delivery.

Off unless `tracing.endpoint` names a collector; only then anything of the library is loaded.
"""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served


def _served() -> Served:
    from parlour_server.capabilities.opentelemetry.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.opentelemetry.settings import TracingSettings  # noqa: PLC0415 - not for `--help`

    return {"tracing": TracingSettings}


CAPABILITY: Final = Capability(name="opentelemetry", served=_served, settings=_settings)
