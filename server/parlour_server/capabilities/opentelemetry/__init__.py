"""Traces by OpenTelemetry: how long one request in so many took, and its queue, commit and delivery.

Off unless `tracing.endpoint` names a collector; only then anything of the library is loaded.
"""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Section


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.opentelemetry.settings import TracingSettings  # noqa: PLC0415 - not for `--help`

    return {"tracing": TracingSettings}


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.opentelemetry.settings import TracingSettings  # noqa: PLC0415 - not for commands
    from parlour_server.capabilities.opentelemetry.start import make_tracing  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    settings = section(parts.settings, TracingSettings)
    if settings.endpoint:
        tracing = make_tracing(settings, parts.folder.program.word, parts.nodes.id)
        parts.stack.push_async_callback(tracing.close)
        hooks.observer = tracing


CAPABILITY: Final = Capability(name="opentelemetry", start=_start, sections=_sections)
