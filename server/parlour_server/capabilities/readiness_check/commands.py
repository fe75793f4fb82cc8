"""`ready`: whether the running server is ready, as health checks of containers ask."""

from pathlib import Path

import click

from parlour_server.host.cli.command_options import (
    data_option,
    example,
    folder_of,
    json_option,
    program,
    settings_of,
    tell,
)


@click.command(
    epilog=example("$command ready --data ~/$word\n$command ready --data ~/$word --wait 30   # after a start")
)
@data_option
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.IntRange(1, 3600),
    help="Ask again for so long, but not once a server that was starting has ended.",
)
@json_option
def ready(data: Path, wait: int | None, as_json: bool) -> None:  # noqa: FBT001 - click
    """Ask the running server whether it is ready for people: the status is 0 if it is, and 1 if not.

    It asks for /readyz at the address that the server listens on, on this machine.
    """
    from parlour_server.capabilities.readiness_check.ask import require_ready, wait_until_ready  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    settings, capabilities = settings_of(folder), program().capabilities
    if wait is None:
        address = require_ready(folder, settings, capabilities)
    else:
        address = wait_until_ready(folder, settings, capabilities, wait)
    tell({"ready": True, "address": address}, f"ready at {address}", as_json=as_json)
