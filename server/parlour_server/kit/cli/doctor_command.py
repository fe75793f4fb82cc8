"""`doctor`: report problems and the current settings."""

from pathlib import Path

import click

from parlour_server.kit.cli.command_options import data_option, example, json_option, program, say

_MARKS = {"danger": "DANGER ", "advice": "advice ", "fine": "fine   "}


@click.command(epilog=example("$command doctor --data ~/$word"))
@data_option
@json_option
def doctor(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """Check a server: list problems and how to fix them, and every setting in force.

    The exit status is 1 when something is dangerous or broken, so it can run from a timer.
    """
    from parlour_server.kit.config.settings_table import rows  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.kit.setup.doctor import examine  # noqa: PLC0415
    from parlour_server.kit.setup.finding import DANGER  # noqa: PLC0415

    spec = program()
    findings, settings = examine(spec, spec.folder(data.absolute()))
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
        if in_force:
            click.echo("\nIn force:")
        for row in in_force:
            click.echo(f"  {row.name} = {row.shown!r}{f'  {row.unit}' if row.unit else ''}")
    if dangerous:
        raise click.exceptions.Exit(1)
