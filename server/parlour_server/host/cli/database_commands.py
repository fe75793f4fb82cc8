"""`migrate`: for a database of an earlier version."""

from pathlib import Path

import click

from parlour_server.host.cli.command_options import (
    action,
    data_option,
    example,
    folder_of,
    json_option,
    program,
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
        before, after, made = upgrade_folder(program(), folder, settings_of(folder))
        result["schema"] = f"{before} to {after}"
        result["tables"] = " ".join(made)
    words = [f"schema {after}"]
    words += [] if before == after else [f"it was {before}"]
    words += [f"new tables: {', '.join(made)}"] if made else []
    tell(
        {"before": before, "after": after, "tables": made},
        "; ".join(words if len(words) > 1 else [*words, "nothing to change"]),
        as_json=as_json,
    )
