"""`drill-permit`: lets someone attack this server for some minutes, with `parlour drill --server`.

A permit needs the server's TLS key, so it proves control of the server. It has an invite in it for the
accounts that attack, and ends by itself.
"""

from pathlib import Path

import click

from parlour_server.host.cli.command_options import data_option, example, folder_of, with_store

_ACCOUNTS = 3
_MINUTE = 60_000


@click.command(
    "drill-permit",
    epilog=example(
        "$command drill-permit --data ~/$word --output drill.json\n"
        "parlour drill --server chat.example.org:8443 --permit drill.json"
    ),
)
@data_option
@click.option(
    "--minutes", default=30, show_default=True, type=click.IntRange(1, 24 * 60), help="How long it is valid."
)
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it. Anyone who has the file can attack this server with accounts of their own.",
)
def drill_permit(data: Path, minutes: int, output: Path) -> None:
    """Permit `parlour drill` to attack this server for some minutes."""
    from parlour_protocol.kit.ids import Millis  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415
    from parlour_server.chat.capabilities.drill_permits.permit import write_permit  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.private_file import write_private  # noqa: PLC0415
    from parlour_server.core.store.records import InviteRecord  # noqa: PLC0415

    code, now = Secret.random(), SystemClock().now()
    expires = Millis(now + minutes * _MINUTE)
    permit = write_permit(folder_of(data), code, expires)
    record = InviteRecord(code.digest(), _ACCOUNTS, now, expires)
    with_store(
        data, lambda store: store.accounts.add_invite(record), did="drill-permit", minutes=str(minutes)
    )
    write_private(output, permit)
    click.echo(f"{output}: valid for {minutes} minutes. Anyone who has it can attack this server meanwhile.")
