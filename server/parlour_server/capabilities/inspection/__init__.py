"""Inspection of what people send: shipped inspectors, and others, in a process of their own."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.capabilities.inspection.audit_events import InspectionEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Section


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.inspection.settings import InspectionSettings  # noqa: PLC0415 - not for `--help`

    return {"inspection": InspectionSettings}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.capabilities.inspection.metrics import INSPECTION_METRICS  # noqa: PLC0415 - not for `--help`

    return INSPECTION_METRICS


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.inspection.start import start  # noqa: PLC0415 - not for commands

    await start(parts, hooks)


CAPABILITY: Final = Capability(
    name="inspection",
    start=_start,
    sections=_sections,
    metrics=_metrics,
    audit_events=tuple(InspectionEvent),
    repeatable_events=frozenset(InspectionEvent),
)
