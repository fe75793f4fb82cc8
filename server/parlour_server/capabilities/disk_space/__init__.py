"""The disk of the data folder: a warning before it is full, what takes space on it, and giving space back."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks
from parlour_server.capabilities.disk_space.commands import disk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.finding import Finding
    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.disk_space.settings import DiskSettings  # noqa: PLC0415 - not for `--help`

    return {"disk": DiskSettings}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.capabilities.disk_space.metrics import DISK_METRICS  # noqa: PLC0415 - not for `--help`

    return DISK_METRICS


def _findings(
    folder: "DataFolder", settings: "Settings | None", _engine: "Engine | None"
) -> "tuple[Finding, ...]":
    from parlour_server.capabilities.disk_space.settings import DiskSettings  # noqa: PLC0415 - not for `--help`
    from parlour_server.capabilities.disk_space.watch import find_low  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    known = DiskSettings() if settings is None else section(settings, DiskSettings)
    return (find_low(folder.path, known),)


async def _start(parts: "Parts[Any, Any]", _hooks: Hooks) -> None:
    from parlour_server.capabilities.disk_space.metrics import show_disk  # noqa: PLC0415 - not for commands
    from parlour_server.capabilities.disk_space.settings import DiskSettings  # noqa: PLC0415
    from parlour_server.capabilities.disk_space.watch import DiskWatch  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415

    watch = DiskWatch(parts.folder.path, section(parts.settings, DiskSettings), parts.steady)
    show_disk(parts.metrics, parts.folder.path, watch)
    parts.run(watch.run())


CAPABILITY: Final = Capability(
    name="disk_space",
    start=_start,
    commands=(disk,),
    sections=_sections,
    findings=_findings,
    metrics=_metrics,
)
