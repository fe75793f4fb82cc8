"""`backup` and its commands, and `new-incarnation`, for what other tools restored."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parlour_server.host.cli.command_options import (
    action,
    command,
    confirm,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    run_line,
    say,
    settings_of,
    tell,
)

if TYPE_CHECKING:
    from parlour_server.capabilities.server_backups.repository import BackupFacts

_ARCHIVE = ".tar"
_place = click.Path(path_type=Path)
_name_option = click.option(
    "--name", metavar="NAME", help="Which backup of the folder (see `list`); otherwise the newest."
)


@click.group()
def backup() -> None:
    """Back up the whole server, check backups, and restore them.

    A backup is one file that ends in .tar, or one of a folder of backups, where each adds only what has
    changed since the one before. Both hold the server's private keys: keep them as safe as the server.
    """


@backup.command(
    epilog=example(
        "$command backup create --data ~/$word /backup/$word            # a folder: only what has changed\n"
        "$command backup create --data ~/$word /backup/2030-01-01.tar   # everything in one file"
    )
)
@data_option
@click.argument("target", type=_place)
@json_option
def create(data: Path, target: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Back up everything (database, keys, configuration, files) to TARGET, even while the server runs.

    TARGET is a new file that ends in .tar, or a folder of backups, which is made when it isn't there. The
    status is 1 when the database turns out to be damaged; it is backed up all the same, so keep the earlier
    backups.
    """
    from parlour_server.capabilities.server_backups.archive import write_archive  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.capabilities.server_backups.repository import Repository  # noqa: PLC0415
    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415

    folder = folder_of(data)
    if engine_for(program(), folder, settings_of(folder)).is_shared:
        raise SetupError(
            "the database is PostgreSQL's: back it up with pg_dump or continuous archiving, and copy"
            f" {data} (keys, configuration, files) beside it; docs/how-to/cluster.md says how,"
            " and how to restore"
        )
    facts: dict[str, Any] = {"target": str(target)}
    with action(folder, "backup create", file=str(target)) as result:
        if target.suffix == _ARCHIVE:
            damaged = write_archive(program().schema, folder, target)
            sentence = f"{target} contains everything, including private keys"
        else:
            made, damaged = Repository(folder, target).add(program().schema, folder)
            sentence = f"{target} has the backup {made.name}: {_about(made)}, including private keys"
            facts |= _as_json(made)
            result["name"] = made.name
    tell({**facts, "damage": damaged}, sentence, as_json=as_json)
    if damaged:
        _print_damage(
            damaged, "the database is damaged, and so is its copy in this backup; keep earlier backups"
        )
        raise click.exceptions.Exit(1)


@backup.command("list", epilog=example("$command backup list /backup/$word"))
@click.argument("folder", type=_place)
@json_option
def list_(folder: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List the backups in FOLDER, the oldest first."""
    from parlour_server.capabilities.server_backups.repository import Repository  # noqa: PLC0415 - keeps `--help` quick

    found = Repository(program().folder(Path()), folder).backups()
    tell(
        [_as_json(facts) for facts in found],
        (f"{facts.name}  {_about(facts)}" for facts in found),
        as_json=as_json,
    )


@backup.command(
    epilog=example(
        "$command backup verify /backup/$word\n$command backup verify --restore /backup/$word   # as a drill"
    )
)
@click.argument("target", type=_place)
@_name_option
@click.option(
    "--restore",
    "drill",
    is_flag=True,
    help="Restore it too, into a temporary folder beside TARGET, and check the database.",
)
@json_option
def verify(target: Path, name: str | None, drill: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Check the backup TARGET against its manifest: every size and every SHA-256. Writes nothing.

    Of a folder, every backup is checked, or the one that --name gives.
    """
    from parlour_server.capabilities.server_backups import restore as restoring  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.capabilities.server_backups.contents import temporary_folder  # noqa: PLC0415
    from parlour_server.capabilities.server_backups.repository import Repository  # noqa: PLC0415

    known = program().folder(Path())
    checked = Repository(known, target).verify() if target.is_dir() and name is None else 1
    with restoring.opened_backup(known, target, name) as found:
        if not target.is_dir() or name is not None:
            restoring.verify(found)
        facts = {"files": len(found.members), "incarnation": found.incarnation, "backups": checked}
        if drill:
            with temporary_folder(target.absolute().parent, "restore") as work:
                restoring.restore(program().schema, program().folder(work / "data"), found)
    if as_json:
        say({"target": str(target), **facts, "restored": drill})
        return
    logs = f"; incarnation {found.incarnation} of the logs" if found.incarnation else ""
    earlier = "is the earlier one" if checked == 2 else f"are the {checked - 1} earlier ones"  # noqa: PLR2004
    many = f", and so {earlier}" if checked > 1 else ""
    click.echo(f"{found.place} is intact: {len(found.members)} files match their checksums{logs}{many}")
    if drill:
        click.echo("it was restored into a temporary folder, which is removed again; its database is intact")


@backup.command(
    epilog=example(
        "$command backup restore --data ~/$word-again /backup/$word\n"
        "$command backup restore --data ~/$word-again /backup/2030-01-01.tar"
    )
)
@data_option
@click.argument("target", type=_place)
@_name_option
@click.option(
    "--accept-damage",
    is_flag=True,
    help="Restore even if the database was damaged before the backup; what can't be read is lost.",
)
@json_option
def restore(
    data: Path,
    target: Path,
    name: str | None,
    accept_damage: bool,  # noqa: FBT001 - click
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Make a new data folder from the backup TARGET. It never writes into a folder that has something in it.

    A backup that is damaged or cut off is refused, and nothing is restored. Later changes are not in
    the backup. The logs get a new incarnation, so that clients notice and keep what they have.
    """
    from parlour_server.capabilities.server_backups import restore as restoring  # noqa: PLC0415 - keeps `--help` quick

    folder = program().folder(data.absolute())
    with ExitStack() as stack, restoring.opened_backup(folder, target, name) as found:
        done = action(folder, "backup restore", file=str(found.place))
        damaged = restoring.restore(
            program().schema,
            folder,
            found,
            accept_damage=accept_damage,
            begin=partial(stack.enter_context, done),
        )
    if damaged:
        _print_damage(damaged, "the restored database is damaged")
    if as_json:
        say({"data": str(data), "from": str(found.place), "damage": damaged})
        return
    click.echo(program().after_restore)
    click.echo(f"restored; next: {run_line(data)}")


@backup.command(epilog=example("$command backup prune --data ~/$word --keep 48 --yes /backup/$word"))
@data_option
@click.argument("folder", type=_place)
@click.option(
    "--keep", type=click.IntRange(min=1), required=True, help="How many of the newest backups to keep."
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
def prune(data: Path, folder: Path, keep: int, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Remove old backups from FOLDER, all but the newest ones and those that these start from."""
    from parlour_server.capabilities.server_backups.repository import Repository  # noqa: PLC0415 - keeps `--help` quick

    known = folder_of(data)
    question = f"Remove all backups from {folder} but the newest {keep} and those that these start from?"
    confirm(question, yes=yes)
    with action(known, "backup prune", file=str(folder), keep=str(keep)):
        removed = Repository(known, folder).prune(keep)
    tell(
        {"removed": removed.backups, "files": removed.files},
        f"removed {len(removed.backups)} backups, and {removed.files} files that no other has",
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
    from parlour_server.capabilities.server_backups.restored_database import begin_again  # noqa: PLC0415
    from parlour_server.host.setup.open_store import engine_for  # noqa: PLC0415 - keeps `--help` quick

    folder = folder_of(data)
    with action(folder, "new-incarnation") as result:
        name = begin_again(program(), folder, engine_for(program(), folder, settings_of(folder)))
        result["name"] = name
    if as_json:
        say({"incarnation": name})
        return
    click.echo(program().after_restore)
    click.echo(f"incarnation {name} of the logs; next: start the servers")


def _about(facts: "BackupFacts") -> str:
    how = f"changes since {facts.since}" if facts.since else "the whole database"
    checked = "" if facts.is_checked else ", not checked for damage"
    stored = f"{_size(facts.stored)} of {_size(facts.database)} stored ({how})"
    return f"{stored}, {facts.files} uploaded files{checked}"


def _as_json(facts: "BackupFacts") -> dict[str, Any]:
    return {
        "name": facts.name,
        "incarnation": facts.incarnation,
        "database_bytes": facts.database,
        "stored_bytes": facts.stored,
        "files": facts.files,
        "since": facts.since,
        "checked": facts.is_checked,
    }


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB"


def _print_damage(damaged: list[str], what: str) -> None:
    for sentence in damaged:
        click.echo(f"{command()}: {sentence}", err=True)
    click.echo(f"{command()}: {what}", err=True)
