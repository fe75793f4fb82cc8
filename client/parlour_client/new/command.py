"""`parlour new`: the command itself."""

import os
from pathlib import Path

import click

from parlour_client.kit.language import N_, _

_NEXT = N_(
    "{folder} is a project of its own: README.md says what is where.\n\n  cd {folder}\n  make "
    "demo     try it: server and client at once\n  make test     its tests, with the kit's "
    "attacks\n\nIt installs this Parlour: {parlour} (requirements/parlour.txt)"
)


@click.command(
    name="new",
    epilog="\b\nExample:\n  parlour new shop --ticker\n  cd shop\n  make demo",
)
@click.argument("name", metavar="NAME")
@click.option(
    "--blank", "kind", flag_value="blank", default="blank", help=N_("A shared counter (the default).")
)
@click.option("--ticker", "kind", flag_value="ticker", help=N_("Prices that a server pushes."))
@click.option(
    "--game", "kind", flag_value="game", help=N_("Four in a row: tables, turns, spectators, a log.")
)
@click.pass_context
def new(context: click.Context, name: str, kind: str) -> None:
    """Begin a program of your own on Parlour's kit, in the new folder NAME.

    It has the security of the chat by importing it, with a server, a client, tests and what it needs to be
    deployed. The options say what it begins as: all of it is yours to change.
    """
    from parlour_client.new.project import LOCKED, Kind, write_project  # noqa: PLC0415 - `--help` needs none of it
    from parlour_client.new.project_name import parse_project_name  # noqa: PLC0415
    from parlour_client.new.this_parlour import requirement  # noqa: PLC0415

    os.umask(context.meta["umask"])  # it is source code: as readable as everything else here
    parlour = requirement()
    folder = write_project(parse_project_name(name, LOCKED), Kind(kind), Path(name), parlour)
    click.echo(_(_NEXT).format(folder=folder, parlour=parlour))
