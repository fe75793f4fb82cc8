"""`import`: move a server to PostgreSQL; and the options of `init`."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import click

from parlour_server.host.cli.command_options import action, data_option, example, program, run_line


def refuse_secret(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """Raise SetupError for a password in a URL that stood on a command line."""
    from parlour_server.capabilities.postgres.open_engine import open_engine  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415

    if url and open_engine(url).has_password:
        raise SetupError(
            "--database has a password in it: every user of this machine could read it on the command line,"
            " so change it, put it into a file, and give that as --database-password-file"
        )
    return url


INIT_OPTIONS: Final = (
    click.Option(
        ["--database", "database__url"],
        metavar="URL",
        callback=refuse_secret,
        help="Keep everything in this PostgreSQL database (postgresql://user@host/name), which can have "
        "several servers, instead of in a file. The URL has no password.",
    ),
    click.Option(
        ["--database-password-file", "database__password_file"],
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A file with its password.",
    ),
)


@click.command(
    "import",
    epilog=example(
        "$command import --from ~/$word --data ~/$word-shared --database postgresql://$word@db/$word"
    ),
)
@data_option
@click.option(
    "--from",
    "source",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder to move. Its server must not run.",
)
@click.option(
    "--database",
    metavar="URL",
    required=True,
    callback=refuse_secret,
    help="An empty PostgreSQL database. The URL has no password.",
)
@click.option(
    "--database-password-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with its password.",
)
def import_(data: Path, source: Path, database: str, database_password_file: Path | None) -> None:
    """Move a server from the file in its data folder to PostgreSQL: everything, with keys and sessions.

    The old folder is only read; --data makes a new one. Nobody has to log in again.
    """
    from parlour_server.capabilities.postgres.import_folder import import_folder  # noqa: PLC0415 - keeps `--help` quick

    app = program()
    old, new = app.folder(source.absolute()), app.folder(data.absolute())
    given = {"database.url": database}
    if database_password_file is not None:
        given["database.password_file"] = str(database_password_file.absolute())
    with ExitStack() as stack:
        done = action(new, "import", source=str(source))
        found = import_folder(app, old, new, given, partial(stack.enter_context, done))
    click.echo(f"{found.rows} rows and {found.files} files were copied, and compared with the originals")
    click.echo(f"Don't run {source} again: two servers would tell two histories.")
    click.echo(f"next:  {run_line(data)}")
