"""`ready`: whether the running server is ready, as health checks of containers ask."""

from pathlib import Path

import click

from parlour_server.kit.cli.command_options import data_option, example, folder_of, settings_of


@click.command(epilog=example("$command ready --data ~/$word"))
@data_option
def ready(data: Path) -> None:
    """Ask the running server whether it is ready for people: the status is 0 if it is, and 1 if not.

    It asks for /readyz at the address that the server listens on, on this machine.
    """
    from parlour_server.kit.setup.readiness import require_ready  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    click.echo(f"ready at {require_ready(folder, settings_of(folder))}")
