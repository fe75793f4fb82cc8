"""The bus of servers that share a database, over NATS: they notice each other's messages at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks, Opened
from parlour_server.core.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parlour_server.app.finding import Finding
    from parlour_server.app.metrics import Metric
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.nats.settings import BusSettings  # noqa: PLC0415 - not for `--help`

    return {"bus": BusSettings}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.capabilities.nats.metrics import BUS_METRICS  # noqa: PLC0415 - not for `--help`

    return BUS_METRICS


async def _prepare(opened: Opened, hooks: Hooks) -> None:
    from parlour_server.capabilities.nats.open_bus import make_bus  # noqa: PLC0415 - not for commands

    hooks.bus = make_bus(opened)


def _findings(
    folder: "DataFolder", settings: "Settings | None", engine: "Engine | None"
) -> "Sequence[Finding]":
    if settings is None:
        return ()
    from parlour_server.capabilities.nats.findings import examine_bus  # noqa: PLC0415 - not for other commands

    return examine_bus(folder, settings, engine)


def _refuse_secret(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """Raise SetupError for a password in a URL that stood on a command line."""
    if url and "@" in url:
        raise SetupError(
            "--bus has a password or a token in it: every user of this machine could read it on the command"
            " line, so change it, and give a file as --bus-credentials-file"
        )
    return url


_OPTIONS: Final = (
    click.Option(
        ["--bus", "bus__url"],
        metavar="URL",
        callback=_refuse_secret,
        help="The NATS server through which servers on one database notify each other.",
    ),
    click.Option(
        ["--bus-credentials-file", "bus__credentials_file"],
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="NATS' credentials file.",
    ),
)

CAPABILITY: Final = Capability(
    name="nats",
    prepare=_prepare,
    sections=_sections,
    options={"init": _OPTIONS},
    metrics=_metrics,
    findings=_findings,
)
