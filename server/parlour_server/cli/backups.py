"""`backup`, `restore` and `migrate`: carry a server's data over time."""

from pathlib import Path

import click

from parlour_server.cli.options import data_option, example, folder_of

_file = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=example("parlour-server backup --data ~/parlour /backup/parlour-2030-01-01.tar"))
@data_option
@click.argument("file", type=_file)
def backup(data: Path, file: Path) -> None:
    """Write everything of a server (database, keys, configuration) to FILE, while it runs.

    The file holds the server's private keys: keep it as safe as the server.
    """
    from parlour_server.setup.backup import write_backup  # noqa: PLC0415 - keeps `--help` quick

    write_backup(folder_of(data), file)
    click.echo(f"{file} holds everything; it contains private keys")


@click.command(epilog=example("parlour-server restore --data ~/parlour-again /backup/parlour-2030-01-01.tar"))
@data_option
@click.argument("file", type=_file)
def restore(data: Path, file: Path) -> None:
    """Make a new data folder from the backup FILE. It never writes into a folder that has something in it."""
    from parlour_server.setup.backup import read_backup  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.setup.datafolder import DataFolder  # noqa: PLC0415

    read_backup(DataFolder(data.absolute()), file)
    click.echo(f"restored; next: parlour-server run --data {data}")


@click.command(epilog=example("parlour-server migrate --data ~/parlour"))
@data_option
def migrate(data: Path) -> None:
    """Bring the database to the schema of this version. Make a backup before, and stop the server."""
    from parlour_server.store import migrate as schema  # noqa: PLC0415 - loads Alembic

    folder = folder_of(data)
    before = schema.current(folder.database)
    schema.upgrade(folder.database)
    after = schema.current(folder.database)
    click.echo(f"schema {after}" + ("; it was so already" if before == after else f"; it was {before}"))
