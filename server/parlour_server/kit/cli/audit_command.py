"""`audit`: read the audit events out of a server's log."""

import json
from typing import TextIO

import click

from parlour_server.kit.cli.command_options import example


@click.command(
    epilog=example(
        "journalctl -u $command -o cat | $command audit --user anna\n"
        "$command audit --event login_failed < server.log"
    )
)
@click.option("--user", help="Show only events about this account.")
@click.option("--event", help="Show only this kind of event, such as login_failed or moderation.")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
def audit(file: TextIO, user: str | None, event: str | None) -> None:
    """Print the audit events of a log FILE (default: standard input).

    The server logs to standard error, one JSON object per line; those with "audit": true say who did
    what, from where and when. Under systemd they are in the journal.
    """
    for line in file:
        found = _event(line)
        if found is None or (user and found.get("user") != user) or (event and found.get("event") != event):
            continue
        rest = {k: v for k, v in found.items() if k not in {"time", "event", "audit", "level"}}
        # ASCII JSON: a log that others can write to must not reach the terminal raw.
        click.echo(f"{_word(found, 'time')}  {_word(found, 'event')}  {json.dumps(rest)}")


def _event(line: str) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("audit") is True else None


def _word(found: dict[str, object], key: str) -> str:
    return json.dumps(found.get(key, "?"))[1:-1] if isinstance(found.get(key), str) else "?"
