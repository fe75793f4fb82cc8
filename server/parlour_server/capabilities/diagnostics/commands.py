"""`doctor`: report problems and the current settings."""

from pathlib import Path

import click

from parlour_server.host.cli.command_options import data_option, example, json_option, program, say

_MARKS = {"danger": "DANGER ", "advice": "advice ", "fine": "fine   "}


@click.command(epilog=example("$command doctor --data ~/$word\n$command doctor --data ~/$word --settings"))
@data_option
@click.option("--settings", "with_all", is_flag=True, help="Print every setting in force, also the defaults.")
@json_option
def doctor(data: Path, with_all: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Check a server: list problems and how to fix them, and the settings that are not the defaults.

    The exit status is 1 when something is dangerous or broken, so it can run from a timer.
    """
    from parlour_server.app.finding import DANGER  # noqa: PLC0415
    from parlour_server.capabilities.diagnostics.examine import examine  # noqa: PLC0415
    from parlour_server.core.config.settings_table import rows  # noqa: PLC0415 - keeps `--help` quick

    app = program()
    findings, settings = examine(app, app.folder(data.absolute()))
    dangerous = any(finding.level == DANGER for finding in findings)
    in_force = rows(settings) if settings else []
    if as_json:
        say(
            {
                "ok": not dangerous,
                "findings": [{"level": f.level, "about": f.about, "text": f.text} for f in findings],
                "settings": {row.name: row.shown for row in in_force},
            }
        )
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.level]}{finding.about}: {finding.text}")
        usual = {row.name: row.value for row in rows(app.settings_type())}
        shown = [row for row in in_force if with_all or row.value != usual[row.name]]
        if shown:
            click.echo("\nIn force:" if with_all else "\nIn force, and not the default:")
        for row in shown:
            click.echo(f"  {row.name} = {row.shown!r}{f'  {row.unit}' if row.unit else ''}")
        if in_force and not with_all:
            click.echo(f"\n{len(in_force) - len(shown)} settings have their defaults; --settings shows them")
    if dangerous:
        raise click.exceptions.Exit(1)
