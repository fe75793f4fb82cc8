"""`init` and `run`: create a data folder, and serve from it."""

import gc
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parlour_server.host.cli.command_options import (
    action,
    command,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    run_line,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from parlour_server.core.config.server_settings import Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.host.cli.command_options import ServerProgram


@click.command(
    epilog=example("$command init --data ~/$word\n$command init --data ~/$word --name $word.example.org")
)
@data_option
@click.option(
    "--name",
    "names",
    metavar="HOST",
    multiple=True,
    help="A host name or address that people will connect to. Can be given several times.",
)
@click.option(
    "--replace-lost-keys",
    is_flag=True,
    help="Replace lost keys with new ones. Clients and invite links will no longer recognise the server.",
)
@json_option
def init(
    data: Path,
    names: tuple[str, ...],
    replace_lost_keys: bool,  # noqa: FBT001 - click passes flags by name
    as_json: bool,  # noqa: FBT001
    **settings: Any,
) -> None:
    """Create a data folder with $contents.

    Running it again creates what is missing, except lost keys, and adds names; nothing else changes.
    """
    import asyncio  # noqa: PLC0415 - keeps `--help` quick

    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.host.setup.initialise import initialise  # noqa: PLC0415

    app = program()
    folder = app.folder(data.absolute())
    result: dict[str, str] = {}
    with ExitStack() as stack:

        def begin() -> None:
            nonlocal result
            result = stack.enter_context(action(folder, "init", names=", ".join(names)))

        found = asyncio.run(
            initialise(
                app,
                folder,
                names,
                SystemClock(),
                given={
                    name.replace("__", ".", 1): _absolute(value) for name, value in settings.items() if value
                },
                replace_lost_keys=replace_lost_keys,
                begin=begin,
            )
        )
        result["new"] = ", ".join(found.new) or "nothing"
    if as_json:
        say({"data": data, "names": found.names, "pin": found.pin, "new": found.new})
        return
    click.echo(f"{data}: {', '.join(found.new) + ' made' if found.new else 'nothing was missing'}")
    click.echo(f"names: {', '.join(found.names)}")
    click.echo(f"pin:   {found.pin}")
    click.echo(f"next:  {run_line(data)}")


def _absolute(value: str | Path) -> str:
    return str(value.absolute()) if isinstance(value, Path) else value


@click.command(
    epilog=example("$command run --data ~/$word\n$command run --data ~/$word --listen 0.0.0.0:8443")
)
@data_option
@click.option("--listen", metavar="HOST:PORT", help="Where to listen. Port 0 picks a free port.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics on this loopback address.")
@click.option(
    "--ready-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help='When ready, write {"url": …} to this file.',
)
@click.option(
    "--ready-fd", metavar="N", type=click.IntRange(min=1), help="The same, to this file descriptor."
)
@click.option(
    "--loop",
    type=click.Choice(["auto", "asyncio", "uvloop", "fastnet", "fast"]),
    default="auto",
    show_default=True,
    help="The event loop; auto picks the fastest one installed.",
)
@click.option(
    "--migrate",
    is_flag=True,
    help="Upgrade the database first, if its schema is an older one. Only for a SQLite file.",
)
def run(
    data: Path,
    listen: str | None,
    metrics: str | None,
    ready_file: Path | None,
    ready_fd: int | None,
    loop: str,
    migrate: bool,  # noqa: FBT001 - click passes flags by name
    **options: Any,
) -> None:
    """Serve until SIGTERM or Ctrl+C. Log lines go to standard error, as JSON.

    It listens only on this machine unless --listen or the configuration says otherwise. SIGHUP makes it
    reload its certificates and configuration.
    """
    gc.disable()  # until it serves: modules leave no garbage, and looking for it takes a twelfth of the start
    try:
        from parlour_server.core.net.tls_groups import configure  # noqa: PLC0415 - keeps `--help` quick

        if sys.argv[1:2] == ["run"]:  # only the command itself: it may restart; the setting is the process's
            configure()
        from parlour_server.host.server_process import Ready, serve  # noqa: PLC0415

        folder = folder_of(data)
        load = partial(settings_of, folder, listen__address=listen, listen__metrics=metrics)
        if migrate:
            _migrate(folder, load())
        serve(program(), folder, load, Ready(ready_file, ready_fd), loop=loop, options=options)
    finally:
        gc.enable()


def _migrate(folder: "DataFolder", settings: "Settings") -> None:
    """Upgrade the database that only this server uses. Raises SetupError."""
    from parlour_server.core.errors import SetupError  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415

    app = program()
    if engine_for(app, folder, settings).is_shared:
        raise SetupError(
            f"--migrate is for a server with a SQLite file; other servers may run on this database, so run"
            f" `{command()} migrate` once, and then start them without it"
        )
    if app.schema.is_newest(folder.database):
        return
    from parlour_server.host.setup.migrate import upgrade_folder  # noqa: PLC0415 - loads Alembic

    with action(folder, "migrate") as result:
        before, after, _ = upgrade_folder(app, folder, settings)
        result["schema"] = f"{before} to {after}"


@click.command("systemd-unit", epilog=example("$command systemd-unit > /etc/systemd/system/$word.service"))
@click.pass_obj
def unit(found: "ServerProgram") -> None:
    """Print a systemd unit that leaves the server its data folder, TCP and nothing else."""
    from parlour_server.host.setup.systemd_unit import systemd_unit  # noqa: PLC0415 - keeps `--help` quick

    click.echo(systemd_unit(found.name), nl=False)
