"""The commands of a witness, which need no data folder: they run on another machine than the server."""

from pathlib import Path
from typing import Final

import click

from parlour_server.host.cli.command_options import Duration, example, json_option, tell

_FOLDER: Final = click.argument(
    "folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, readable=False)
)


@click.group()
def witness() -> None:
    """Follow a server's key log from another machine, and cosign it."""


@witness.command(
    epilog=example("$command witness init ~/witness --server chat.example.org --name witness.example.net")
)
@_FOLDER
@click.option("--server", metavar="NAME", required=True, help="The name of the server whose log it follows.")
@click.option("--name", required=True, help="The name of the witness: best a host name and a word.")
@click.option("--url", help="Where the server is asked; https and its name if left out.")
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The CA of the server's certificate, if the system does not know it.",
)
@json_option
def init(
    folder: Path,
    server: str,
    name: str,
    url: str | None,
    ca: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make a witness in a new FOLDER: its key, and whose log it follows.

    Shows its public key, which the server's operator adds to the setting witnesses.keys.
    """
    from parlour_protocol.identity import StatementError  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.identity.cosignatures import WitnessKey  # noqa: PLC0415
    from parlour_server.chat.capabilities.key_log_witnesses.witness_folder import Witness  # noqa: PLC0415
    from parlour_server.core.addresses import refuse_no_name  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.core.outgoing import Url  # noqa: PLC0415

    refuse_no_name(server)
    where = url or f"https://{server.lower()}"
    try:
        WitnessKey.parse(WitnessKey(name, bytes(32)).vkey)
        Url.parse(where)
    except StatementError:
        raise SetupError(f"{name!r} can't name a witness: write ASCII, without spaces and +") from None
    except ValueError as error:
        raise SetupError(f"{where} can't be asked: {error}") from error
    made = Witness.make(
        folder.absolute(), name=name, server=server, url=where, ca="" if ca is None else str(ca.absolute())
    )
    tell({"key": made.key.vkey, "server": server}, made.key.vkey, as_json=as_json)


@witness.command(epilog=example("$command witness run ~/witness\n$command witness run ~/witness --once"))
@_FOLDER
@click.option("--once", is_flag=True, help="Look once and exit, as for cron.")
@click.option("--every", type=Duration(), default="5m", show_default=True, help="How often it looks: 5m, 1h.")
@click.option(
    "--frozen-after",
    type=Duration(),
    default="30d",
    show_default=True,
    help="After how long without a new entry it says so.",
)
@click.pass_context
def run(context: click.Context, folder: Path, *, once: bool, every: int, frozen_after: int) -> None:
    """Follow the log, and sign each head that extends the last one.

    Writes the cosigned head into FOLDER/public for any web server, and leaves it with the chat server. The
    status is 4 if the server can't be asked, 5 if the log contradicts what was signed before (nothing is
    signed then), and 6 if it has not grown for long.
    """
    import asyncio  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.chat.capabilities.key_log_witnesses.exchange import LogServer  # noqa: PLC0415
    from parlour_server.chat.capabilities.key_log_witnesses.following import Following  # noqa: PLC0415
    from parlour_server.chat.capabilities.key_log_witnesses.witness_folder import Witness  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415

    found, clock = Witness(folder.absolute()), SystemClock()

    def warn(line: str) -> None:
        click.echo(line, err=True)

    following = Following(found, LogServer(found, clock), clock, frozen_after, click.echo, warn)
    with found.alone():
        if not once:
            click.echo(f"following {found.server} as {found.key.vkey}")
        outcome = asyncio.run(following.once() if once else following.until_refused(every / 1000))
    context.exit(outcome)
