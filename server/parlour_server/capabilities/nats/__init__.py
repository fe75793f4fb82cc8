"""The bus of servers that share a database, over NATS: they notice each other's messages at once."""

from pathlib import Path
from typing import Final

import click

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.core.errors import SetupError


def _served() -> Served:
    from parlour_server.capabilities.nats.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.nats.settings import BusSettings  # noqa: PLC0415 - not for `--help`

    return {"bus": BusSettings}


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

CAPABILITY: Final = Capability(name="nats", served=_served, settings=_settings, options={"init": _OPTIONS})
