"""`ready`: whether the running server is ready, as health checks of containers ask."""

from pathlib import Path

import click

from parlour_server.kit.cli.command_options import (
    data_option,
    example,
    folder_of,
    json_option,
    say,
    settings_of,
)


@click.command(epilog=example("$command ready --data ~/$word"))
@data_option
@json_option
def ready(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Ask the running server whether it is ready for people: the status is 0 if it is, and 1 if not.

    It asks for /readyz at the address that the server listens on, on this machine.
    """
    from parlour_server.kit.setup.readiness import require_ready  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    address = require_ready(folder, settings_of(folder))
    if as_json:
        say({"ready": True, "address": address})
    else:
        click.echo(f"ready at {address}")
