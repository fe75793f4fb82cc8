"""`backup`, `verify`, `restore` and `migrate`."""

from pathlib import Path
from typing import Final

import click

from parlour_server.kit.cli.command_options import data_option, example, folder_of, record

_file = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=example("parlour-server backup --data ~/parlour /backup/parlour-2030-01-01.tar"))
@data_option
@click.argument("file", type=_file)
def backup(data: Path, file: Path) -> None:
    """Back up the whole server (database, keys, configuration, files) to FILE, even while it runs.

    The file holds the server's private keys: keep it as safe as the server. The status is 1 when the database
    turns out to be damaged; the backup is written all the same, so keep the earlier ones.
    """
    from parlour_server.kit.setup.backup_archive import write_backup  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    damaged = write_backup(folder, file)
    record(folder, "backup", file=str(file))
    click.echo(f"{file} contains everything, including private keys")
    if damaged:
        _print_damage(
            damaged, "the database is damaged, and so is its copy in this backup; keep earlier backups"
        )
        raise click.exceptions.Exit(1)


@click.command(epilog=example("parlour-server verify /backup/parlour-2030-01-01.tar"))
@click.argument("file", type=_file)
def verify(file: Path) -> None:
    """Check the backup FILE against its manifest: every size and every SHA-256. Writes nothing."""
    from parlour_server.kit.setup.backup_archive import verify_backup  # noqa: PLC0415 - keeps `--help` quick

    files, incarnation = verify_backup(file)
    logs = f"; incarnation {incarnation} of the logs" if incarnation else ""
    click.echo(f"{file} is intact: {files} files match their checksums{logs}")


@click.command(epilog=example("parlour-server restore --data ~/parlour-again /backup/parlour-2030-01-01.tar"))
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
    from parlour_server.kit.setup.data_folder import DataFolder  # noqa: PLC0415

    folder = DataFolder(data.absolute())
    damaged = read_backup(folder, file, accept_damage=accept_damage)
    record(folder, "restore", file=str(file))
    if damaged:
        _print_damage(damaged, "the restored database is damaged")
    click.echo(_RESTORED)
    click.echo(f"restored; next: parlour-server run --data {data}")


_RESTORED: Final = """\
The logs are another incarnation: everything is as it was at the backup. What to expect, and what to do:
- Messages that were sent since are not on this server. People's devices keep those that they have, and
  show that the server's history is older. Tell people before you start it.
- Anyone who was kicked or banned since is back: ask moderators to look at their rooms.
- Passwords, sessions, accounts and devices are as they were: end sessions that you ended since
  (`parlour-server session end`), disable accounts again (`parlour-server user disable`), and ask people
  to revoke lost devices again (`/devices`).
- Don't run the old data folder again: two servers would tell two histories."""


@click.command(epilog=example("parlour-server migrate --data ~/parlour"))
@data_option
def migrate(data: Path) -> None:
    """Upgrade the database to the schema of this version. Stop the server and make a backup first."""
    from parlour_server.kit.setup.folder_lock import locked  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.store import migrate as schema  # noqa: PLC0415 - loads Alembic

    folder = folder_of(data)
    with locked(folder):
        before = schema.current(folder.database)
        schema.upgrade(folder.database)
        after = schema.current(folder.database)
    if before != after:
        record(folder, "migrate", schema=f"{before} to {after}")
    click.echo(f"schema {after}" + ("; nothing to change" if before == after else f"; it was {before}"))


def _print_damage(damaged: list[str], what: str) -> None:
    for sentence in damaged:
        click.echo(f"parlour-server: {sentence}", err=True)
    click.echo(f"parlour-server: {what}", err=True)
