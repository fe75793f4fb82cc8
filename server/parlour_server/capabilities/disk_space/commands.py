"""`disk`: what takes space, removing what is due now, and giving space back to the disk."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    action,
    command,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    say,
    settings_of,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from parlour_server.core.kit_store import KitStore

_MIB = 1024 * 1024


@click.group()
def disk() -> None:
    """Show what takes space on the disk, remove what is due, give space back."""


@disk.command(epilog=example("$command disk show --data ~/$word"))
@data_option
@json_option
def show(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Show what grows, with its size and its bound, and how much of the disk is free.

    It reads the whole database, which takes a while when it is large; a running server isn't held up.
    """
    from parlour_server.capabilities.disk_space.settings import DiskSettings  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.capabilities.disk_space.usage import usage  # noqa: PLC0415
    from parlour_server.capabilities.disk_space.watch import DiskSpace  # noqa: PLC0415
    from parlour_server.core.config.server_settings import section  # noqa: PLC0415
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415

    folder, app = folder_of(data), program()
    settings = settings_of(folder)
    bounds = {**app.schema.bounds, **app.bounds}
    folders = {name: bound for capability in app.capabilities for name, bound in capability.folders.items()}
    found = usage(folder, engine_for(app, folder, settings), bounds, folders)
    space = DiskSpace.of(folder.path)
    low = space.is_low(section(settings, DiskSettings).warn_percent)
    if as_json:
        say(
            {
                "free": space.free,
                "total": space.total,
                "low": low,
                "parts": [{"what": part.what, "bytes": part.bytes, "bound": part.bound} for part in found],
            }
        )
        return
    click.echo(f"disk: {space.text}{', less than disk.warn_percent' if low else ''}")
    for part in found:
        size = "?" if part.bytes is None else f"{part.bytes / _MIB:,.1f}"
        click.echo(f"{size:>12} MiB  {part.what}: {part.bound}")


@disk.command(epilog=example("$command disk prune --data ~/$word"))
@data_option
@json_option
def prune(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Remove now what a running server removes over time: expired data, and messages past their retention."""
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.pruner import prune_batches  # noqa: PLC0415

    app = program()
    settings = settings_of(folder_of(data))

    async def work(store: "KitStore") -> tuple[int, int]:
        clock = SystemClock()
        rows = sum([gone async for gone in prune_batches(store, clock, app.schema.rules)])
        return rows, await app.prune(store, settings, clock)

    rows, more = with_store(data, work, did="disk prune")
    tell(
        {"rows": rows, "program": more},
        f"removed {rows} expired rows{app.pruned_text(more)}",
        as_json=as_json,
    )


@disk.command(epilog=example("$command disk vacuum --data ~/$word"))
@data_option
@json_option
def vacuum(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Give free pages of a SQLite database back to the disk, while the server runs."""
    from parlour_server.capabilities.disk_space.vacuum import vacuum as give_back  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.core.store.engine.sqlite_engine import SqliteEngine  # noqa: PLC0415
    from parlour_server.host.setup.folder_lock import is_locked  # noqa: PLC0415
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415

    folder = folder_of(data)
    engine = engine_for(program(), folder, settings_of(folder))
    if not isinstance(engine, SqliteEngine):
        raise SetupError(
            "PostgreSQL uses freed space again by itself (autovacuum); `VACUUM FULL` gives it back to the"
            " disk, and locks the tables meanwhile"
        )
    with action(folder, "disk vacuum"):
        given = give_back(engine, lambda: is_locked(folder), command())
    tell({"bytes": given}, f"gave back {given / _MIB:,.1f} MiB", as_json=as_json)
