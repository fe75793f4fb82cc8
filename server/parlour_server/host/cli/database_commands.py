"""`migrate` and `new-incarnation`: for a database of an earlier version, or one that other tools restored."""

from pathlib import Path

import click

from parlour_server.host.cli.command_options import (
    action,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    say,
    settings_of,
    tell,
)


@click.command(epilog=example("$command migrate --data ~/$word"))
@data_option
@json_option
def migrate(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Upgrade the database to the schema of this version. Stop the server and make a backup first."""
    from parlour_server.host.setup.migrate import upgrade_folder  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    with action(folder, "migrate") as result:
        before, after = upgrade_folder(program(), folder, settings_of(folder))
        result["schema"] = f"{before} to {after}"
    tell(
        {"before": before, "after": after},
        f"schema {after}" + ("; nothing to change" if before == after else f"; it was {before}"),
        as_json=as_json,
    )


@click.command("new-incarnation", epilog=example("$command new-incarnation --data ~/$word"))
@data_option
@json_option
def new_incarnation(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """After other tools restored the database: give the logs a new incarnation, so that clients notice.

    For a database on a server of its own, and for SQLite replicas. Stop all servers first. Without it,
    numbers of lost messages are used again, and clients take that for an attack. `backup restore` does it by
    itself.
    """
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.setup.restored_database import begin_again  # noqa: PLC0415

    folder = folder_of(data)
    with action(folder, "new-incarnation") as result:
        name = begin_again(program(), folder, engine_for(program(), folder, settings_of(folder)))
        result["name"] = name
    if as_json:
        say({"incarnation": name})
        return
    click.echo(program().after_restore)
    click.echo(f"incarnation {name} of the logs; next: start the servers")
