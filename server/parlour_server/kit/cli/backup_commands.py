"""`backup`, `verify`, `restore` and `migrate`."""

from pathlib import Path

import click

from parlour_server.kit.cli.command_options import (
    command,
    data_option,
    example,
    folder_of,
    program,
    record,
    settings_of,
)

_file = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=example("$command backup --data ~/$word /backup/$word-2030-01-01.tar"))
@data_option
@click.argument("file", type=_file)
def backup(data: Path, file: Path) -> None:
    """Back up the whole server (database, keys, configuration, files) to FILE, even while it runs.

    The file holds the server's private keys: keep it as safe as the server. The status is 1 when the database
    turns out to be damaged; the backup is written all the same, so keep the earlier ones.
    """
    from parlour_server.kit.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.setup.backup_archive import write_backup  # noqa: PLC0415

    folder = folder_of(data)
    if settings_of(folder).database.url:
        raise SetupError(
            "the database is PostgreSQL's: back it up with pg_dump or continuous archiving, and copy"
            f" {data} (keys, configuration, files) beside it; docs/how-to/cluster.md says how,"
            " and how to restore"
        )
    damaged = write_backup(program().schema, folder, file)
    record(folder, "backup", file=str(file))
    click.echo(f"{file} contains everything, including private keys")
    if damaged:
        _print_damage(
            damaged, "the database is damaged, and so is its copy in this backup; keep earlier backups"
        )
        raise click.exceptions.Exit(1)


@click.command(epilog=example("$command verify /backup/$word-2030-01-01.tar"))
@click.argument("file", type=_file)
def verify(file: Path) -> None:
    """Check the backup FILE against its manifest: every size and every SHA-256. Writes nothing."""
    from parlour_server.kit.setup.backup_archive import verify_backup  # noqa: PLC0415 - keeps `--help` quick

    files, incarnation = verify_backup(program().folder(Path()), file)
    logs = f"; incarnation {incarnation} of the logs" if incarnation else ""
    click.echo(f"{file} is intact: {files} files match their checksums{logs}")


@click.command(epilog=example("$command restore --data ~/$word-again /backup/$word-2030-01-01.tar"))
@data_option
@click.argument("file", type=_file)
@click.option(
    "--accept-damage",
    is_flag=True,
    help="Restore even if the database was damaged before the backup; what can't be read is lost.",
)
def restore(data: Path, file: Path, accept_damage: bool) -> None:  # noqa: FBT001 - click
    """Make a new data folder from the backup FILE. It never writes into a folder that has something in it.

    A backup that is damaged or cut off is refused, and nothing is restored. Later changes are not in
    the backup. The logs get a new incarnation, so that clients notice and keep what they have.
    """
    from parlour_server.kit.setup.backup_archive import read_backup  # noqa: PLC0415 - keeps `--help` quick

    folder = program().folder(data.absolute())
    damaged = read_backup(program().schema, folder, file, accept_damage=accept_damage)
    record(folder, "restore", file=str(file))
    if damaged:
        _print_damage(damaged, "the restored database is damaged")
    click.echo(program().after_restore)
    click.echo(f"restored; next: {command()} run --data {data}")


@click.command(epilog=example("$command migrate --data ~/$word"))
@data_option
def migrate(data: Path) -> None:
    """Upgrade the database to the schema of this version. Stop the server and make a backup first."""
    from parlour_server.kit.setup.folder_lock import locked  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.setup.open_store import engine_for  # noqa: PLC0415

    folder, schema = folder_of(data), program().schema
    engine = engine_for(folder, settings_of(folder).database)
    with locked(folder):
        before = schema.current(engine)
        schema.upgrade(engine)
        after = schema.current(engine)
    if before != after:
        record(folder, "migrate", schema=f"{before} to {after}")
    click.echo(f"schema {after}" + ("; nothing to change" if before == after else f"; it was {before}"))


@click.command("new-incarnation", epilog=example("$command new-incarnation --data ~/$word"))
@data_option
def new_incarnation(data: Path) -> None:
    """After PostgreSQL was restored from a backup: give the logs a new incarnation, so that clients notice.

    Stop all servers first. Without it, numbers of lost messages are used again, and clients take that for an
    attack.
    """
    from parlour_server.kit.setup.open_store import engine_for  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.setup.restored_database import begin_again  # noqa: PLC0415

    folder = folder_of(data)
    name = begin_again(program(), engine_for(folder, settings_of(folder).database))
    record(folder, "new-incarnation", name=name)
    click.echo(program().after_restore)
    click.echo(f"incarnation {name} of the logs; next: start the servers")


def _print_damage(damaged: list[str], what: str) -> None:
    for sentence in damaged:
        click.echo(f"{command()}: {sentence}", err=True)
    click.echo(f"{command()}: {what}", err=True)
